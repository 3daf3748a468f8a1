using Akka.Actor;
using Akka.TestKit.Xunit;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tokenization;
using Xunit;
using static PanguCluster.Actors.Decoding.DecoderProtocol;

namespace PanguCluster.Actors.Tests.Streams;

/// <summary>
/// Two nodes' streams among decoders that refuse, repeat, lose, give up and fall silent, and a record that loses messages and answers, with
/// callers that come, leave and come back anywhere. What every caller sees is the reference from its index on; in the end the record is complete.
/// </summary>
public sealed class RandomStreamTests(ITestOutputHelper output) : TestKit
{
    private const int Length = 60;
    private const int Choices = 2;

    private static readonly PanguTokenizer Tokenizer = PanguTokenizer.Open(RepositoryFiles.Path("models", "pangu-nano"));

    // Bytes for the most part: characters are cut everywhere. Nothing comes of the stop strings but text that is held back.
    private static readonly string[] Stops = ["\uFFFD\uFFFDnever", "anever"];

    private static GenerationRequest Request(string id) =>
        new(id, [1, 2], Length, new SamplingParameters { Seed = 5, Logprobs = 0 }, Stops, [], null) { Choices = Choices, NamedByCaller = true, Owner = "me" };

    private static SampledToken TokenOf(int choice, int index) => new(index, 3 + (choice * 91 + index * index * 37) % 190, -index, null);

    private static List<StreamEvent> Reference(string id)
    {
        var transcript = new Transcript();
        transcript.Begin(Choices);
        transcript.Open(new StreamEvent.Accepted(id, 5, TestModel.Bf16.Manifest.Name, 2));
        for (int c = 0; c < Choices; c++)
        {
            var progress = new ChoiceProgress(c, 2, Length, new AnswerText(Tokenizer, Stops), transcript);
            for (int i = 0; i < Length; i++)
                progress.Take(TokenOf(c, i));
        }
        var events = new List<StreamEvent>();
        for (var cursor = new TranscriptCursor(new int[Choices], false); transcript.TryNext(cursor, out var e);)
            events.Add(e!);
        return events;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task Callers_should_see_the_reference_whatever_happens_on_the_way(int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var region = Sys.ActorOf(Props.Create(() => new LossyRegion(seed)));
        IActorRef[] decoders = [.. Enumerable.Range(0, 3).Select(i => Sys.ActorOf(Props.Create(() => new WildDecoder(seed * 10 + i))))];
        var counters = new StreamCounters();
        var view = new ClusterView(TestModel.Bf16.Manifest, 1);
        Show(decoders);
        GenerationGateway[] nodes = [new(), new()];
        IActorRef[] supervisors = [.. nodes.Select((g, i) => Supervise(g, $"n{i}"))];
        var callers = new List<Task>();
        for (int s = 0; s < 4; s++)
        {
            string id = $"s{s}";
            var expected = Reference(id);
            var first = nodes[s % 2];
            callers.Add(Call(() => first.Start(Request(id)), expected, [0, 0], stays: true));
            for (int i = 0; i < 10; i++)
            {
                await Task.Delay(random.Next(8));
                int[] next = [random.Next(Length + 1), random.Next(Length + 1)];
                var node = nodes[random.Next(2)];
                callers.Add(random.Next(3) == 0
                    ? Call(() => node.Start(Request(id)), expected, [0, 0], stays: random.Next(2) == 0)
                    : Call(() => node.Resume(new ResumeRequest(id, next, "me", null)), expected, next, stays: random.Next(2) == 0));
                // Somebody is taken for gone, drained or cordoned, or is well again.
                Show([.. decoders.Where(_ => random.Next(3) > 0).DefaultIfEmpty(decoders[0])], wild: true);
                foreach (var supervisor in supervisors)
                    supervisor.Tell(StreamProtocol.Tick.Instance);
            }
        }
        Show(decoders);
        await Task.WhenAll(callers);
        Assert.Equal(0, counters.DeterminismViolations);
        await Eventually.Holds(() => counters is { Active: 0, Detached: 0 }, "every stream has gone");
        var complete = await region.Ask<bool>(LossyRegion.AreComplete.Instance, TimeSpan.FromSeconds(5));
        Assert.True(complete, "every session is recorded to its end");

        void Show(IActorRef[] present, bool wild = false)
        {
            view.Set(view.Current, [.. present.Select((d, i) => new DecoderNode($"d{i}", d, new DecoderLoad(i, 0, 9, 9, 0, 0, 0), false)
            {
                Duty = wild ? (NodeDuty)random.Next(3) : NodeDuty.Serves,
                Suspected = wild && random.Next(4) == 0,
            })]);
        }

        IActorRef Supervise(GenerationGateway gateway, string node)
        {
            var options = StreamOptions.Default with
            {
                Retry = TimeSpan.FromMilliseconds(5), SubmitTimeout = TimeSpan.FromMilliseconds(60), MaxSubmissions = 1000, Pulse = TimeSpan.FromMilliseconds(10),
                Record = new RecordOptions(
                    TimeSpan.FromSeconds(20), TimeSpan.FromMilliseconds(10), 4, TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(40),
                    TimeSpan.FromSeconds(20), TimeSpan.FromMilliseconds(50)),
            };
            var settings = new StreamSettings(TestModel.Bf16.Manifest, Tokenizer, view, new LoadGauge(), options, counters, TimeProvider.System)
            {
                Sessions = region, NodeId = node,
            };
            var supervisor = Sys.ActorOf(Props.Create(() => new StreamSupervisor(settings, gateway)));
            gateway.Open(supervisor);
            return supervisor;
        }

        async Task Call(Func<IStreamCall> begin, List<StreamEvent> expected, int[] next, bool stays)
        {
            var wanted = Transcripts.From(expected, next).ToArray();
            var call = begin();
            while (stays)
            {
                var events = await Transcripts.Read(call);
                if (events is [StreamEvent.Failed { Kind: FailureKind.Overloaded }]) // before it was accepted
                {
                    call = begin();
                    continue;
                }
                Transcripts.AssertSame(wanted, events);
                return;
            }
            // Whoever leaves has seen a part of it, of every choice the first.
            var seen = await Transcripts.Read(call, e => e is StreamEvent.Token { Sampled.Index: > 30 } or StreamEvent.Finished or StreamEvent.Failed { Kind: FailureKind.Overloaded });
            call.Leave();
            for (int c = 0; c < Choices; c++)
            {
                string[] own = [.. seen.Where(e => e is StreamEvent.Token t && t.Choice == c).Select(Transcripts.Text)];
                Assert.Equal(wanted.Where(e => e is StreamEvent.Token t && t.Choice == c).Select(Transcripts.Text).Take(own.Length), own);
            }
        }
    }

    /// <summary>Tokens of any sequence, out of the same function, and every mishap on the way.</summary>
    private sealed class WildDecoder(int seed) : UntypedActor, IWithTimers
    {
        private sealed record Emit(SubmitSequence To, int Index) : INoSerializationVerificationNeeded;

        private readonly Random _random = new(seed);
        private readonly HashSet<SequenceId> _cancelled = [];

        public ITimerScheduler Timers { get; set; } = null!;

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case CancelSequence cancel:
                    _cancelled.Add(cancel.Id);
                    break;
                case SubmitSequence submit:
                    int fate = _random.Next(10);
                    if (fate == 0)
                        break; // lost
                    submit.Stream.Tell(new SubmitReply(submit.Id, fate == 1 && submit.Request.Generated.Length > 0 ? SubmitOutcome.QueueFull : SubmitOutcome.Accepted));
                    if (fate != 1 || submit.Request.Generated.Length == 0)
                        Self.Tell(new Emit(submit, submit.Request.Generated.Length));
                    break;
                case Emit emit when _cancelled.Contains(emit.To.Id):
                    break;
                case Emit { Index: Length } last:
                    last.To.Stream.Tell(new SequenceEnded(last.To.Id, FinishReason.Length, 2, Length, null));
                    break;
                case Emit emit:
                    OnEmit(emit);
                    break;
            }
        }

        private void OnEmit(Emit emit)
        {
            var token = new SequenceToken(emit.To.Id, TokenOf(emit.To.Request.Choice, emit.Index));
            int fate = _random.Next(60);
            if (fate == 0)
            {
                emit.To.Stream.Tell(new SequenceEnded(emit.To.Id, FinishReason.Error, 0, 0, "given up", FailureKind.Unavailable));
                return;
            }
            if (fate > 1) // or it is lost
                emit.To.Stream.Tell(token);
            if (fate == 2)
                emit.To.Stream.Tell(token);
            Timers.StartSingleTimer(emit.To.Id, emit with { Index = emit.Index + 1 }, TimeSpan.FromMilliseconds(1));
        }
    }

    /// <summary>The record as the session's actor keeps it, without a disk and with a bad line to it.</summary>
    private sealed class LossyRegion(int seed) : UntypedActor
    {
        public sealed class AreComplete : INoSerializationVerificationNeeded
        {
            public static readonly AreComplete Instance = new();
        }

        private readonly Random _random = new(seed);
        private readonly Dictionary<string, (RecordedSession Session, IActorRef? Stream)> _sessions = [];
        private readonly List<(string Id, IActorRef Stream, string NodeId)> _streams = [];

        protected override void OnReceive(object message)
        {
            if (message is AreComplete)
                Sender.Tell(_sessions.Count == 4 && _sessions.All(s => s.Value.Session.Ended && s.Value.Session.GeneratedTokens == Choices * Length));
            else if (message is Terminated gone)
                OnGone(gone.ActorRef);
            else if (_random.Next(8) > 0 && message is SessionProtocol.ICommand command)
                On(command);
        }

        /// <summary>Whose tokens counted may have ended without a word, refused by every decoder: another one goes on.</summary>
        private void OnGone(IActorRef stream)
        {
            _streams.RemoveAll(s => s.Stream.Equals(stream));
            foreach (string id in _sessions.Where(s => stream.Equals(s.Value.Stream) && !s.Value.Session.Ended).Select(s => s.Key).ToArray())
            {
                var session = _sessions[id].Session;
                var successor = _streams.LastOrDefault(s => s.Id == id);
                if (successor.Stream is null)
                    continue;
                _sessions[id] = (RecordedSession.Apply(session, new Attached(session.Attempt + 1, false, successor.NodeId, DateTimeOffset.UnixEpoch)), successor.Stream);
                successor.Stream.Tell(OpenedOf(id), Self);
            }
        }

        private void Watch(string id, IActorRef stream, string nodeId)
        {
            if (!_streams.Exists(s => s.Id == id && s.Stream.Equals(stream)))
                _streams.Add((id, Context.Watch(stream), nodeId));
        }

        private void On(SessionProtocol.ICommand command)
        {
            string id = command.SessionId;
            bool known = _sessions.TryGetValue(id, out var present);
            var now = DateTimeOffset.UnixEpoch;
            switch (command)
            {
                case SessionProtocol.Open open when !known:
                    _sessions[id] = (RecordedSession.Apply(null, new Accepted(open.Request, open.NodeId)), open.Stream);
                    Watch(id, open.Stream, open.NodeId);
                    Tell(open.Stream, OpenedOf(id));
                    break;
                case SessionProtocol.Open open:
                    Join(open.Stream, open.NodeId);
                    break;
                case SessionProtocol.Attach attach when known:
                    Join(attach.Stream, attach.NodeId);
                    break;
                case SessionProtocol.Record r when known:
                    Take(r.Attempt, r.Choice, r.FirstIndex, r.Tokens, null);
                    break;
                case SessionProtocol.End e when known:
                    Take(e.Attempt, e.Choice, e.FirstIndex, e.Tokens, e.Outcome);
                    break;
            }

            void Join(IActorRef stream, string node)
            {
                Watch(id, stream, node);
                if (!present.Session.Ended && !stream.Equals(present.Stream))
                {
                    _sessions[id] = (RecordedSession.Apply(present.Session, new Attached(present.Session.Attempt + 1, true, node, now)), stream);
                    Tell(present.Stream!, new SessionProtocol.Superseded(id, present.Session.Attempt + 1));
                }
                Tell(stream, OpenedOf(id));
            }

            void Take(int attempt, int choice, int first, IReadOnlyList<RecordedToken> tokens, RecordedEnd? end)
            {
                var session = present.Session;
                var verdict = session.Judge(attempt, choice, first, tokens, end is not null);
                Assert.Null(verdict.Differs);
                if (verdict.Step == TokenStep.Superseded)
                {
                    Tell(Sender, new SessionProtocol.Superseded(id, session.Attempt));
                    return;
                }
                int count = session.Choices[choice].Tokens.Count;
                if (verdict.Step == TokenStep.New)
                    _sessions[id] = (RecordedSession.Apply(session, end is null
                        ? new TokensRecorded(choice, count, verdict.Fresh, now)
                        : new ChoiceEnded(choice, count, verdict.Fresh, end, now)), Sender);
                var after = _sessions[id].Session.Choices[choice];
                Tell(Sender, end is not null && after.End is not null ? new SessionProtocol.Ended(id, choice) : new SessionProtocol.Recorded(id, choice, after.Tokens.Count));
            }
        }

        private SessionProtocol.Opened OpenedOf(string id)
        {
            var s = _sessions[id].Session;
            // Sometimes not all of it fits the message.
            int most = _random.Next(3) == 0 ? 7 : int.MaxValue;
            return new SessionProtocol.Opened(
                id, s.Request, [.. s.Choices.Select(c => new RecordedChoice([.. c.Tokens.Take(most)], c.Tokens.Count, c.End))], s.Attempt);
        }

        private void Tell(IActorRef to, SessionProtocol.IMessage message)
        {
            if (_random.Next(8) > 0)
                to.Tell(message, Self);
        }
    }
}
