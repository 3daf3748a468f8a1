using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using Xunit;
using static PanguCluster.Actors.Decoding.DecoderProtocol;

namespace PanguCluster.Actors.Tests.Streams;

/// <summary>One stream between two decoders that the test plays.</summary>
public sealed class StreamActorTests : TestKit
{
    private readonly ClusterView _view = new(TestModel.Bf16.Manifest, 1);
    private readonly StreamCounters _counters = new();
    private readonly ClientSeat _seat = new(null);
    private readonly TestProbe _first;
    private readonly TestProbe _second;

    public StreamActorTests()
    {
        _first = CreateTestProbe();
        _second = CreateTestProbe();
        Show(_first, _second);
    }

    private void Show(params TestProbe[] decoders) => _view.Set(
        _view.Current, [.. decoders.Select((d, i) => new DecoderNode($"n{i}", d.Ref, new DecoderLoad(i, 0, 9, 9, 0, 0, 0), false))]);

    private IActorRef Stream(int maxTokens = 4, StreamOptions? options = null)
    {
        var settings = new StreamSettings(
            TestModel.Bf16.Manifest, null, _view, new LoadGauge(), options ?? StreamOptions.Default, _counters, TimeProvider.System);
        var request = new GenerationRequest("s", [1, 2], maxTokens, new SamplingParameters { Seed = 5 }, [], [17], null);
        var stream = Sys.ActorOf(Props.Create(() => new StreamActor(settings, "s")));
        stream.Tell(new StreamProtocol.Start(request, _seat));
        return stream;
    }

    private static SequenceToken Token(SequenceId id, int index, int token) => new(id, new SampledToken(index, token, float.NaN, null));

    private async Task<SubmitSequence> Accept(TestProbe decoder)
    {
        var submit = await decoder.ExpectMsgAsync<SubmitSequence>();
        submit.Stream.Tell(new SubmitReply(submit.Id, SubmitOutcome.Accepted), decoder.Ref);
        return submit;
    }

    private async Task<List<StreamEvent>> Events()
    {
        var events = new List<StreamEvent>();
        await foreach (var e in _seat.Events.ReadAllAsync().WithCancellation(new CancellationTokenSource(TimeSpan.FromSeconds(10)).Token))
            events.Add(e);
        return events;
    }

    private static void Same(IEnumerable<StreamEvent> events, params int[] ids) => Assert.Equal(ids, Ids(events));

    private static int[] Ids(IEnumerable<StreamEvent> events) => [.. Nodes.Tokens.Of(events).Select(t => t.TokenId)];

    [Fact]
    public async Task Stream_should_hand_over_prompt_and_tokens_so_far_when_its_decoder_dies()
    {
        var stream = Stream();
        var submit = await Accept(_first);
        Assert.Equal([1, 2], submit.Request.Prompt);
        Assert.Equal((0, 4), (submit.Request.Choice, submit.Request.MaxTokens));
        Assert.Equal([17, .. TestModel.Bf16.Manifest.EosTokenIds], submit.Request.StopTokenIds);
        stream.Tell(Token(submit.Id, 0, 10));
        stream.Tell(Token(submit.Id, 1, 11));
        Sys.Stop(_first.Ref);

        var again = await Accept(_second);
        Assert.Equal([10, 11], again.Request.Generated);
        Assert.NotEqual(submit.Id, again.Id);
        stream.Tell(Token(again.Id, 2, 12));
        stream.Tell(new SequenceEnded(again.Id, FinishReason.Stop, 2, 3, null));

        var events = await Events();
        Assert.IsType<StreamEvent.Accepted>(events[0]);
        Assert.Equal([10, 11, 12], Ids(events));
        Assert.Equal(new StreamEvent.Finished(0, FinishReason.Stop, "", 2, 3), events[^1]);
        Assert.Equal(1, _counters.Resubmissions);
    }

    [Fact]
    public async Task Stream_should_drop_repeats_and_count_a_violation_when_a_repeat_differs()
    {
        var stream = Stream();
        var submit = await Accept(_first);
        stream.Tell(Token(submit.Id, 0, 10));
        stream.Tell(Token(submit.Id, 0, 10));
        Assert.Equal(0, _counters.DeterminismViolations);
        stream.Tell(Token(submit.Id, 0, 99));
        for (int i = 1; i < 4; i++)
            stream.Tell(Token(submit.Id, i, 10 + i));

        var events = await Events();
        Assert.Equal([10, 11, 12, 13], Ids(events));
        Assert.Equal(FinishReason.Length, Assert.IsType<StreamEvent.Finished>(events[^1]).Reason);
        Assert.Equal(1, _counters.DeterminismViolations);
        await _first.ExpectMsgAsync<CancelSequence>(c => c.Id == submit.Id);
    }

    [Fact]
    public async Task Stream_should_ask_again_when_tokens_were_lost_on_the_way()
    {
        var stream = Stream();
        var submit = await Accept(_first);
        stream.Tell(Token(submit.Id, 0, 10));
        stream.Tell(Token(submit.Id, 2, 12));
        await _first.ExpectMsgAsync<CancelSequence>(c => c.Id == submit.Id);
        var again = await Accept(_first);
        Assert.Equal([10], again.Request.Generated);
        stream.Tell(new SequenceEnded(again.Id, FinishReason.Stop, 2, 3, null)); // says 3, brought 1: lost too
        var third = await Accept(_second);
        stream.Tell(new SequenceEnded(third.Id, FinishReason.Stop, 2, 1, null));
        int[] shown = Ids(await Events());
        Assert.Equal([10], shown);
    }

    [Fact]
    public async Task Stream_should_try_the_other_decoder_when_a_queue_is_full_and_be_refused_when_both_are()
    {
        var stream = Stream();
        var submit = await _first.ExpectMsgAsync<SubmitSequence>();
        stream.Tell(new SubmitReply(submit.Id, SubmitOutcome.QueueFull));
        var other = await _second.ExpectMsgAsync<SubmitSequence>();
        stream.Tell(new SubmitReply(other.Id, SubmitOutcome.QueueFull));

        Assert.Equal(FailureKind.Overloaded, Assert.IsType<StreamEvent.Failed>(Assert.Single(await Events())).Kind);
    }

    [Fact]
    public async Task Stream_should_leave_a_decoder_that_has_gone_from_the_view_before_its_death_is_certain()
    {
        var stream = Stream();
        var doubtful = await Accept(_first);
        stream.Tell(Token(doubtful.Id, 0, 10));
        Show(_second);
        stream.Tell(StreamProtocol.DecodersChanged.Instance);
        var other = await Accept(_second);
        Assert.Equal([10], other.Request.Generated);

        // The first may live: what it brings counts, and is no proof that it is well.
        stream.Tell(Token(doubtful.Id, 1, 11));
        stream.Tell(Token(other.Id, 1, 11));
        await _first.ExpectNoMsgAsync(TimeSpan.FromMilliseconds(50));
        stream.Tell(Token(other.Id, 2, 12));
        await _first.ExpectMsgAsync<CancelSequence>(c => c.Id == doubtful.Id);
        stream.Tell(Token(other.Id, 3, 13));
        Same(await Events(), 10, 11, 12, 13);
        Assert.Equal(0, _counters.DeterminismViolations);
    }

    [Fact]
    public async Task Stream_should_stay_where_it_is_when_a_doubt_was_wrong()
    {
        var stream = Stream();
        var first = await Accept(_first);
        Show(_second);
        stream.Tell(StreamProtocol.DecodersChanged.Instance);
        var other = await Accept(_second);
        Show(_first, _second);
        stream.Tell(StreamProtocol.DecodersChanged.Instance);
        stream.Tell(Token(first.Id, 0, 10));
        await _second.ExpectMsgAsync<CancelSequence>(c => c.Id == other.Id);
        for (int i = 1; i < 4; i++)
            stream.Tell(Token(first.Id, i, 10 + i));
        Same(await Events(), 10, 11, 12, 13);
    }

    [Fact]
    public async Task Stream_should_give_up_when_no_decoder_keeps_it()
    {
        var stream = Stream(options: StreamOptions.Default with { MaxSubmissions = 3, Retry = TimeSpan.FromMilliseconds(10) });
        foreach (var decoder in new List<TestProbe> { _first, _second, _first })
        {
            var submit = await Accept(decoder);
            stream.Tell(new SequenceEnded(submit.Id, FinishReason.Error, 0, 0, "no groups", FailureKind.Unavailable));
        }
        var failed = Assert.IsType<StreamEvent.Failed>((await Events())[^1]);
        Assert.Equal(FailureKind.Unavailable, failed.Kind);
        Assert.Contains("no groups", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stream_should_try_elsewhere_when_a_decoder_does_not_answer()
    {
        Stream(options: StreamOptions.Default with { SubmitTimeout = TimeSpan.FromMilliseconds(50) });
        var submit = await _first.ExpectMsgAsync<SubmitSequence>();
        await _second.ExpectMsgAsync<SubmitSequence>();
        await _first.ExpectMsgAsync<CancelSequence>(c => c.Id == submit.Id);
    }

    [Fact]
    public async Task Stream_should_ask_again_when_its_only_decoder_was_gone_for_a_while_because_its_last_words_may_be_lost()
    {
        Show(_first);
        var stream = Stream(options: StreamOptions.Default with { Retry = TimeSpan.FromMilliseconds(10) });
        var submit = await Accept(_first);
        stream.Tell(Token(submit.Id, 0, 10));
        Show();
        stream.Tell(StreamProtocol.DecodersChanged.Instance);
        await Sys.ActorSelection(stream.Path).ResolveOne(TimeSpan.FromSeconds(5)); // it has looked
        Show(_first);
        stream.Tell(StreamProtocol.DecodersChanged.Instance);
        await _first.ExpectMsgAsync<CancelSequence>(c => c.Id == submit.Id);
        var again = await Accept(_first);
        Assert.Equal([10], again.Request.Generated);
        for (int i = 1; i < 4; i++)
            stream.Tell(Token(again.Id, i, 10 + i));
        Same(await Events(), 10, 11, 12, 13);
    }
}
