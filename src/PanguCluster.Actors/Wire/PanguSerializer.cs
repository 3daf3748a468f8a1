using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;
using Google.Protobuf;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Weights;

namespace PanguCluster.Actors.Wire;

/// <summary>Protobuf for every <see cref="IWireMessage"/>. Manifests are short, stable names; adding one is the only way out of a process.</summary>
public sealed class PanguSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    public override int Identifier => 7401;

    public override string Manifest(object o) => o switch
    {
        DecoderProtocol.SubmitSequence => "submit",
        DecoderProtocol.SubmitReply => "submitted",
        DecoderProtocol.CancelSequence => "cancel",
        DecoderProtocol.SequenceToken => "token",
        DecoderProtocol.SequenceEnded => "ended",
        DecoderProtocol.SequencePrompt => "prompt",
        DecoderProtocol.StepResults => "step",
        PulseProtocol.Pulse => "pulse",
        PulseProtocol.PulseReply => "pulsed",
        EnsureGroup => "ensure",
        NodeState => "node",
        EventPage => "events",
        PlacementTable => "placement",
        ControlProtocol.Request => "control",
        ControlProtocol.Answer => "controlled",
        ModelOfferProtocol.ModelAsk => "model-ask",
        ModelOfferProtocol.ModelOffer => "model-offer",
        SessionProtocol.IMessage m => SessionWire.Manifest(m),
        _ => throw new NotSupportedException($"{o.GetType().FullName} has no wire format"),
    };

    public override byte[] ToBinary(object obj) => ToMessage(obj).ToByteArray();

    private static IMessage ToMessage(object obj) => obj switch
    {
        DecoderProtocol.SubmitSequence m => SequenceWire.Write(m.Request, Path(m.Stream), Path(m.Inbox)),
        DecoderProtocol.SubmitReply m => new Proto.SubmitReply { Id = SequenceWire.Write(m.Id), Outcome = (int)m.Outcome },
        DecoderProtocol.CancelSequence m => new Proto.CancelSequence { Id = SequenceWire.Write(m.Id) },
        DecoderProtocol.SequenceToken m => SequenceWire.Write(m),
        DecoderProtocol.SequenceEnded m => SequenceWire.Write(m),
        DecoderProtocol.SequencePrompt m => SequenceWire.Write(m),
        DecoderProtocol.StepResults m => Write(m),
        PulseProtocol.Pulse m => new Proto.Pulse { Sent = m.Sent },
        PulseProtocol.PulseReply m => new Proto.Pulse { Sent = m.Sent },
        EnsureGroup m => new Proto.EnsureGroup { Group = m.Group, Number = m.Number },
        NodeState m => NodeStateWire.Write(m),
        EventPage m => EventWire.Write(m),
        PlacementTable m => PlacementWire.Write(m),
        ControlProtocol.Request m => ControlWire.Write(m),
        ControlProtocol.Answer m => ControlWire.Write(m),
        ModelOfferProtocol.ModelAsk => new Proto.ModelAsk(),
        ModelOfferProtocol.ModelOffer m => ModelOfferWire.Write(m),
        SessionProtocol.IMessage m => SessionWire.Write(m, Path),
        _ => throw new NotSupportedException($"{obj.GetType().FullName} has no wire format"),
    };

    public override object FromBinary(byte[] bytes, string manifest)
    {
        try
        {
            return manifest switch
            {
                "submit" => ReadSubmit(Proto.SubmitSequence.Parser.ParseFrom(bytes)),
                "submitted" => ReadReply(Proto.SubmitReply.Parser.ParseFrom(bytes)),
                "cancel" => new DecoderProtocol.CancelSequence(SequenceWire.ReadId(Proto.CancelSequence.Parser.ParseFrom(bytes).Id)),
                "token" => SequenceWire.Read(Proto.SequenceToken.Parser.ParseFrom(bytes)),
                "ended" => SequenceWire.Read(Proto.SequenceEnded.Parser.ParseFrom(bytes)),
                "prompt" => SequenceWire.Read(Proto.SequencePrompt.Parser.ParseFrom(bytes)),
                "step" => ReadStep(Proto.StepResults.Parser.ParseFrom(bytes)),
                "pulse" => new PulseProtocol.Pulse(Proto.Pulse.Parser.ParseFrom(bytes).Sent),
                "pulsed" => new PulseProtocol.PulseReply(Proto.Pulse.Parser.ParseFrom(bytes).Sent),
                "ensure" => ReadEnsure(Proto.EnsureGroup.Parser.ParseFrom(bytes)),
                "node" => NodeStateWire.Read(Proto.NodeState.Parser.ParseFrom(bytes)),
                "events" => EventWire.Read(Proto.EventPage.Parser.ParseFrom(bytes)),
                "placement" => PlacementWire.Read(Proto.PlacementTable.Parser.ParseFrom(bytes)),
                "control" => ControlWire.Read(Proto.ControlRequest.Parser.ParseFrom(bytes)),
                "controlled" => ControlWire.Read(Proto.ControlAnswer.Parser.ParseFrom(bytes)),
                "model-ask" => ReadAsk(bytes),
                "model-offer" => ModelOfferWire.Read(Proto.ModelOffer.Parser.ParseFrom(bytes)),
                _ => SessionWire.FromBytes(manifest, bytes, Resolve),
            };
        }
        catch (Exception e) when (e is FormatException or InvalidProtocolBufferException)
        {
            throw new SerializationException($"message '{manifest}': {e.Message}", e);
        }
    }

    private static EnsureGroup ReadEnsure(Proto.EnsureGroup m) => new(m.Group, m.Number);

    private static ModelOfferProtocol.ModelAsk ReadAsk(byte[] bytes)
    {
        Proto.ModelAsk.Parser.ParseFrom(bytes);
        return ModelOfferProtocol.ModelAsk.Instance;
    }

    private static Proto.StepResults Write(DecoderProtocol.StepResults results)
    {
        var message = new Proto.StepResults();
        foreach (var e in results.Events)
            message.Events.Add(SequenceWire.Write(e));
        return message;
    }

    private static DecoderProtocol.StepResults ReadStep(Proto.StepResults m) => new([.. m.Events.Select(SequenceWire.Read)]);

    private static DecoderProtocol.SubmitReply ReadReply(Proto.SubmitReply m) =>
        new(SequenceWire.ReadId(m.Id), SequenceWire.ReadEnum<Model.Decoding.SubmitOutcome>(m.Outcome));

    private DecoderProtocol.SubmitSequence ReadSubmit(Proto.SubmitSequence m) =>
        new(SequenceWire.Read(m), Resolve(m.Stream), Resolve(m.Inbox));

    private static string Path(IActorRef actor) => Serialization.SerializedActorPath(actor);

    private IActorRef Resolve(string path) => system.Provider.ResolveActorRef(path);
}
