using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Placement.Table;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Weights;
using PanguCluster.Actors.Wire;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests.Wire;

public sealed class PanguSerializerTests : IDisposable
{
    private readonly ActorSystem _system = ActorSystem.Create(
        "wire",
        // There is no cluster to leave: each test would wait 5 s for it.
        ConfigurationFactory.ParseString("akka.coordinated-shutdown.run-by-actor-system-terminate = off")
            .WithFallback(PanguNodeHocon.Of(TestNode.Setup("wire", TestModel.Bf16)))
            .WithFallback(ConfigurationFactory.Default()));

    public void Dispose() => _system.Terminate().Wait(TimeSpan.FromSeconds(10));

    private static readonly SequenceId Id = new(Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"));

    private IEnumerable<object> Samples()
    {
        var stream = _system.ActorOf(Props.Create(() => new Nobody()));
        var sampling = new SamplingParameters
        {
            Temperature = 0.5f, TopK = 7, TopP = 0.9f, MinP = 0.01f, RepetitionPenalty = 1.1f, PresencePenalty = -0.5f,
            FrequencyPenalty = 0.25f, Seed = ulong.MaxValue, Logprobs = 3,
        };
        yield return new DecoderProtocol.SubmitSequence(
            new SequenceRequest(Id, [1, 2, 3], [4, 5], 6, 70, [8, 9], sampling), stream, stream);
        yield return new DecoderProtocol.SubmitSequence(
            new SequenceRequest(Id, [1, 2, 3], [], 0, 70, [], sampling) { PromptLogprobs = 0 }, stream, stream);
        foreach (var outcome in Enum.GetValues<SubmitOutcome>())
            yield return new DecoderProtocol.SubmitReply(Id, outcome);
        yield return new DecoderProtocol.CancelSequence(Id);
        var plain = new DecoderProtocol.SequenceToken(Id, new SampledToken(0, 5, float.NaN, null));
        var rich = new DecoderProtocol.SequenceToken(Id, new SampledToken(3, 9, -0.25f, [new TokenLogprob(9, -0.25f), new TokenLogprob(1, -2f)]));
        var empty = new DecoderProtocol.SequenceToken(Id, new SampledToken(3, 9, -0.25f, []));
        var ended = new DecoderProtocol.SequenceEnded(Id, FinishReason.Length, 3, 70, null);
        var failed = new DecoderProtocol.SequenceEnded(Id, FinishReason.Error, 3, 7, "why", FailureKind.Overloaded);
        yield return plain;
        yield return rich;
        yield return empty;
        yield return ended;
        yield return failed;
        var prompt = new DecoderProtocol.SequencePrompt(
            Id, [new ScoredToken(0, 5, float.NaN, null), new ScoredToken(1, 9, -0.25f, [new TokenLogprob(1, -2f)]), new ScoredToken(2, 0, -7f, [])]);
        yield return prompt;
        yield return new DecoderProtocol.StepResults([prompt, plain, rich, ended, failed]);
        yield return new PulseProtocol.Pulse(long.MaxValue);
        yield return new PulseProtocol.PulseReply(-1);
        yield return new EnsureGroup(7, 18);
        yield return EventPage.Of([
            new(1_700_000_000_123, "n1", long.MaxValue, ClusterEventKind.NodeUp, "n2", "why", 1.5), new(2, "n2", 0, ClusterEventKind.MoveDone, "", "", null)]);
        var state = new NodeState(
            "n1", 5, "http://127.0.0.1:1", "/tmp/x", "127.0.0.1:2", "host", "managed", "model", "abc", 1,
            [new OwnedGroup(1, 99, OwnedGroupState.Failed, "bad digest")], "akka://x/user/d", new DecoderLoad(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), [1, 2], 3, "detail");
        yield return state;
        yield return state with { Suspects = [new Suspicion("n2", PeerLoss.NoListener), new Suspicion("n3", PeerLoss.Silent)], Files = [0, 3], MaxGroups = 5 };
        yield return state with { Groups = [new OwnedGroup(1, 99, OwnedGroupState.Fetching, "") { FetchedBytes = 1L << 40 }] };
        yield return state with { Groups = [new OwnedGroup(1, 99, OwnedGroupState.Ready, "") { Mapped = true }] };
        yield return ModelOfferProtocol.ModelAsk.Instance;
        yield return new ModelOfferProtocol.ModelOffer([1, 2, 255], [new FilePeer("n1", new LinkEndpoints("/tmp/x", "127.0.0.1:2", "host"))]);
        yield return Table();
        foreach (var command in Commands())
            yield return new ControlProtocol.Request("r", command);
        yield return new ControlProtocol.Answer("r", new ControlReply(true, "why", "op"));
        yield return state with { Load = null, Groups = [], Rows = [] };
        foreach (object message in SessionSamples(sampling, stream))
            yield return message;
    }

    private static PlacementTable Table() => new(
        7, 3, "n1", 19, 2, [new GroupIncarnation(3, 18, "n2", IncarnationPhase.Draining, 1_700_000_000_123)],
        [new NodeAssignment("n2", NodeDuty.Drains, true) { EmptySince = 77 }], [new GroupAvoidance(3, "n1", 5)],
        [new Operation(new OperationInfo("op", OperationKind.Scale, "4", OperationState.Failed, 1, 2, "why", 3, 4), 5, true, ["n3", "n4"], 2)]);

    private static IEnumerable<ControlCommand> Commands() =>
    [
        new ControlCommand.Cordon("n"), new ControlCommand.Uncordon("n"), new ControlCommand.Drain("n", TimeSpan.FromSeconds(30), true),
        new ControlCommand.Rebalance(), new ControlCommand.Scale(4), new ControlCommand.Abort("op"),
    ];

    private static IEnumerable<object> SessionSamples(SamplingParameters sampling, IActorRef stream)
    {
        var record = new SessionRecord(
            [1, 2, 3], 70, sampling, true, ["stop", "ende"], [8, 9], 2, true, true, "key", "digest", 1, DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123));
        RecordedToken[] plain = [new(5, float.NaN, null), new(6, float.NaN, null)];
        RecordedToken[] rich = [new(5, -0.5f, [new(5, -0.5f), new(7, -2f)]), new(6, -1f, []), new(0, float.NaN, null)];
        yield return new SessionProtocol.Open("s", record, stream, "n1");
        yield return new SessionProtocol.Open("s", record with { Owner = "", StopStrings = [], SeedPicked = false }, stream, "n1");
        yield return new SessionProtocol.Attach("s", "key", stream, "n1");
        var end = new RecordedEnd(FinishReason.Error, FailureKind.Overloaded, "why");
        yield return new SessionProtocol.Opened("s", record, [new RecordedChoice(plain, 2, new RecordedEnd(FinishReason.Stop)), new RecordedChoice(rich, 9, null)], 3);
        yield return new SessionProtocol.OpenRefused("s", FailureKind.Conflict, "another request");
        yield return new SessionProtocol.Record("s", 2, "n1", 1, 32, rich);
        yield return new SessionProtocol.Record("s", 2, "n1", 0, 0, Array.Empty<RecordedToken>());
        yield return new SessionProtocol.Recorded("s", 1, 35);
        yield return new SessionProtocol.End("s", 2, "n1", 1, 35, plain, end);
        yield return new SessionProtocol.Ended("s", 1);
        yield return new SessionProtocol.Superseded("s", 4);
        yield return new SessionProtocol.CancelSession("s", "");
        yield return new SessionProtocol.CancelSession("s", null);
        yield return new SessionProtocol.CancelReply("s", true);
        yield return new SessionProtocol.CancelStream("s");
        yield return new SessionProtocol.Read("s", 1, 16384);
        yield return new SessionProtocol.Page("s", record, 1, 3, [4, 5], [9, 5]);
        yield return new SessionProtocol.Page("s", null, 0, 0, Array.Empty<int>(), Array.Empty<int>());
        yield return new SessionProtocol.Inspect("s", record.AcceptedAt);
    }

    [Fact]
    public void Serializer_should_bring_back_every_message_that_leaves_a_process()
    {
        var samples = Samples().ToArray();
        foreach (object sample in samples)
        {
            var serializer = Assert.IsType<PanguSerializer>(_system.Serialization.FindSerializerFor(sample));
            byte[] bytes = serializer.ToBinary(sample);
            object back = _system.Serialization.Deserialize(bytes, serializer.Identifier, serializer.Manifest(sample));
            Assert.Equivalent(sample, back, strict: true);
            Assert.Equal(bytes, serializer.ToBinary(back));
        }
        var types = typeof(IWireMessage).Assembly.GetTypes().Where(t => !t.IsAbstract && typeof(IWireMessage).IsAssignableFrom(t));
        Assert.Equal(types.Order(Comparer<Type>.Create((a, b) => string.CompareOrdinal(a.Name, b.Name))),
            samples.Select(s => s.GetType()).Distinct().OrderBy(t => t.Name, StringComparer.Ordinal));
    }

    [Fact]
    public void Journal_should_bring_back_every_event()
    {
        var open = SessionSamples(new SamplingParameters { Seed = ulong.MaxValue, Logprobs = 2 }, ActorRefs.Nobody).OfType<SessionProtocol.Opened>().Single();
        var at = open.Request.AcceptedAt.AddSeconds(5);
        var tokens = open.Choices[1].Tokens;
        IJournalled[] events =
        [
            new Accepted(open.Request, "n1"), new Attached(3, true, "n2", at), new TokensRecorded(1, 32, tokens, at),
            new ChoiceEnded(0, 7, tokens, new RecordedEnd(FinishReason.Error, FailureKind.Unavailable, "why"), at),
            new SessionSnapshot(open.Request, open.Choices, 3, 2, "n2", at, null),
            new SessionSnapshot(open.Request, [.. open.Choices.Select(c => c with { End = new RecordedEnd(FinishReason.Stop) })], 3, 2, "n2", at, at),
        ];
        foreach (var e in events)
        {
            var serializer = Assert.IsType<SessionJournalSerializer>(_system.Serialization.FindSerializerFor(e));
            Assert.Equivalent(e, serializer.FromBinary(serializer.ToBinary(e), serializer.Manifest(e)), strict: true);
        }
        var types = typeof(IJournalled).Assembly.GetTypes().Where(t => !t.IsAbstract && typeof(IJournalled).IsAssignableFrom(t));
        Assert.Equal(types.Select(t => t.Name).Order(), events.Select(e => e.GetType().Name).Distinct().Order());
        var reader = new SessionJournalSerializer((ExtendedActorSystem)_system);
        Assert.Throws<SerializationException>(() => reader.FromBinary([], "accepted.2"));
        Assert.Throws<SerializationException>(() => reader.FromBinary([0xff], "accepted.1"));
    }

    [Fact]
    public void Serializer_should_refuse_everything_else_when_it_would_leave_by_accident()
    {
        object[] strays =
        [
            new { Value = 1 },
            new StreamEvent.Failed(FailureKind.Internal, "x"),
            new ExpertGroupProtocol.Stopped(1, ActorRefs.Nobody),
            new SequenceRequest(Id, [1], [], 0, 1, [], new SamplingParameters()),
        ];
        foreach (object stray in strays)
        {
            var serializer = _system.Serialization.FindSerializerFor(stray);
            Assert.IsType<RefusingSerializer>(serializer);
            Assert.Throws<NotSupportedException>(() => serializer.ToBinary(stray));
            Assert.Throws<NotSupportedException>(() => serializer.FromBinary([], stray.GetType()));
        }
    }

    [Theory]
    [InlineData("submit", new byte[] { 0x0a, 0x01, 0x00 })] // an id of one byte
    [InlineData("submitted", new byte[] { 0xff, 0xff, 0xff })] // no protobuf
    [InlineData("submitted", new byte[0])] // no id
    [InlineData("gossip", new byte[0])] // no such manifest
    [InlineData("s-open", new byte[0])] // no request
    [InlineData("s-record", new byte[] { 0x20, 0x10, 0x32, 0x00 })] // choice 16
    [InlineData("s-record", new byte[] { 0x32, 0x07, 0x0a, 0x01, 0x01, 0x1a, 0x02, 0x01, 0x01 })] // one token, two counts of alternatives
    [InlineData("s-end", new byte[] { 0x32, 0x00 })] // no outcome
    public void Serializer_should_say_what_is_wrong_when_a_peer_sends_nonsense(string manifest, byte[] bytes)
    {
        var serializer = new PanguSerializer((ExtendedActorSystem)_system);

        var e = Assert.Throws<SerializationException>(() => serializer.FromBinary(bytes, manifest));

        Assert.Contains(manifest, e.Message, StringComparison.Ordinal);
    }

    private sealed class Nobody : UntypedActor
    {
        protected override void OnReceive(object message)
        {
        }
    }
}
