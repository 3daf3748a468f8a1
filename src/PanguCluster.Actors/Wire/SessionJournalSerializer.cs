using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;
using Google.Protobuf;
using PanguCluster.Actors.Sessions;

namespace PanguCluster.Actors.Wire;

/// <summary>Protobuf for what the journal holds. A database outlives a build: manifests and field numbers stay as they are.</summary>
public sealed class SessionJournalSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    public override int Identifier => 7403;

    public override string Manifest(object o) => o switch
    {
        Accepted => "accepted.1",
        Attached => "attached.1",
        TokensRecorded => "tokens.1",
        ChoiceEnded => "ended.1",
        SessionSnapshot => "snapshot.1",
        _ => throw new NotSupportedException($"{o.GetType().FullName} is no event of a session"),
    };

    public override byte[] ToBinary(object obj)
    {
        IMessage message = obj switch
        {
            Accepted e => new Proto.JournalAccepted { Request = RecordWire.Write(e.Request), NodeId = e.NodeId },
            Attached e => new Proto.JournalAttached { Attempt = e.Attempt, Resume = e.Resume, NodeId = e.NodeId, AtUnixMs = Ms(e.At) },
            TokensRecorded e => new Proto.JournalTokens
            {
                Choice = e.Choice, FirstIndex = e.FirstIndex, Tokens = RecordWire.Write(e.Tokens), AtUnixMs = Ms(e.At),
            },
            ChoiceEnded e => new Proto.JournalTokens
            {
                Choice = e.Choice, FirstIndex = e.FirstIndex, Tokens = RecordWire.Write(e.Tokens), AtUnixMs = Ms(e.At), End = RecordWire.Write(e.End),
            },
            SessionSnapshot s => Write(s),
            _ => throw new NotSupportedException($"{obj.GetType().FullName} is no event of a session"),
        };
        return message.ToByteArray();
    }

    public override object FromBinary(byte[] bytes, string manifest)
    {
        try
        {
            return manifest switch
            {
                "accepted.1" => ReadAccepted(Proto.JournalAccepted.Parser.ParseFrom(bytes)),
                "attached.1" => ReadAttached(Proto.JournalAttached.Parser.ParseFrom(bytes)),
                "tokens.1" => ReadTokens(Proto.JournalTokens.Parser.ParseFrom(bytes)),
                "ended.1" => ReadEnded(Proto.JournalTokens.Parser.ParseFrom(bytes)),
                "snapshot.1" => ReadSnapshot(Proto.JournalSnapshot.Parser.ParseFrom(bytes)),
                _ => throw new FormatException("the manifest is not known: was it written by a later version?"),
            };
        }
        catch (Exception e) when (e is FormatException or InvalidProtocolBufferException)
        {
            throw new SerializationException($"session event '{manifest}': {e.Message}", e);
        }
    }

    private static Proto.JournalSnapshot Write(SessionSnapshot s)
    {
        var message = new Proto.JournalSnapshot
        {
            Request = RecordWire.Write(s.Request), Choices = { s.Choices.Select(RecordWire.Write) }, Attempt = s.Attempt, Resumes = s.Resumes,
            NodeId = s.NodeId, ActiveUnixMs = Ms(s.ActiveAt),
        };
        if (s.EndedAt is { } ended)
            message.EndedUnixMs = Ms(ended);
        return message;
    }

    private static Accepted ReadAccepted(Proto.JournalAccepted m) => new(RecordWire.Read(m.Request), m.NodeId);

    private static Attached ReadAttached(Proto.JournalAttached m) => new(m.Attempt, m.Resume, m.NodeId, RecordWire.ReadTime(m.AtUnixMs));

    private static TokensRecorded ReadTokens(Proto.JournalTokens m) =>
        new(m.Choice, m.FirstIndex, RecordWire.Read(m.Tokens), RecordWire.ReadTime(m.AtUnixMs));

    private static ChoiceEnded ReadEnded(Proto.JournalTokens m) => new(
        m.Choice, m.FirstIndex, RecordWire.Read(m.Tokens), RecordWire.Read(m.End ?? throw new FormatException("end without an outcome")),
        RecordWire.ReadTime(m.AtUnixMs));

    private static SessionSnapshot ReadSnapshot(Proto.JournalSnapshot m)
    {
        var request = RecordWire.Read(m.Request);
        RecordedChoice[] choices = [.. m.Choices.Select(RecordWire.Read)];
        if (choices.Length != request.Choices || choices.Any(c => c.Tokens.Count > request.MaxTokens) || m.HasEndedUnixMs != choices.All(c => c.End is not null))
            throw new FormatException("its choices are not those of its request");
        return new SessionSnapshot(
            request, choices, m.Attempt, m.Resumes, m.NodeId, RecordWire.ReadTime(m.ActiveUnixMs), m.HasEndedUnixMs ? RecordWire.ReadTime(m.EndedUnixMs) : null);
    }

    private static long Ms(DateTimeOffset at) => at.ToUnixTimeMilliseconds();
}
