using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using Xunit;
using static PanguCluster.Actors.Decoding.DecoderProtocol;

namespace PanguCluster.Actors.Tests.Streams;

/// <summary>Streams that leave a decoder which is being drained; the test plays the decoders.</summary>
public sealed class HandOverTests : TestKit
{
    private readonly ClusterView _view = new(TestModel.Bf16.Manifest, 1);
    private readonly StreamCounters _counters = new();
    private readonly GenerationGateway _gateway = new();
    private readonly TestProbe _first;
    private readonly TestProbe _second;

    public HandOverTests()
    {
        _first = CreateTestProbe();
        _second = CreateTestProbe();
        Show((_first, NodeDuty.Serves), (_second, NodeDuty.Serves));
    }

    private void Show(params (TestProbe Decoder, NodeDuty Duty)[] decoders) => _view.Set(_view.Current, [.. decoders.Select(
        (d, i) => new DecoderNode($"n{i}", d.Decoder.Ref, new DecoderLoad(i, 0, 9, 9, 0, 0, 0), false) { Duty = d.Duty })]);

    private void DrainFirst() => Show((_first, NodeDuty.Drains), (_second, NodeDuty.Serves));

    private void Supervise(StreamOptions? options = null)
    {
        var settings = new StreamSettings(
            TestModel.Bf16.Manifest, null, _view, new LoadGauge(), options ?? StreamOptions.Default, _counters, TimeProvider.System);
        _gateway.Open(Sys.ActorOf(Props.Create(() => new StreamSupervisor(settings, _gateway))));
    }

    private IStreamCall Start(string id = "s", int maxTokens = 8, int choices = 1) => _gateway.Start(
        new GenerationRequest(id, [1, 2], maxTokens, new SamplingParameters { Seed = 5 }, [], [], null) { Choices = choices });

    private static async Task<SubmitSequence> Accept(TestProbe decoder)
    {
        var submit = await decoder.ExpectMsgAsync<SubmitSequence>();
        submit.Stream.Tell(new SubmitReply(submit.Id, SubmitOutcome.Accepted), decoder.Ref);
        return submit;
    }

    private static void Bring(SubmitSequence to, int from, int count)
    {
        for (int i = from; i < from + count; i++)
            to.Stream.Tell(new SequenceToken(to.Id, new SampledToken(i, 10 + i, float.NaN, null)));
    }

    private static async Task Same(IStreamCall call, int count = 8)
    {
        var events = await Transcripts.Read(call);
        Assert.IsType<StreamEvent.Finished>(events[^1]);
        Assert.Equal(Enumerable.Range(10, count), Nodes.Tokens.Of(events).Select(t => t.TokenId));
    }

    private static Task Quiet(TestProbe decoder) => decoder.ExpectNoMsgAsync(TimeSpan.FromMilliseconds(60)).AsTask();

    [Fact]
    public async Task Old_sequence_should_go_on_until_the_new_one_has_a_token()
    {
        Supervise();
        var call = Start();
        var old = await Accept(_first);
        Bring(old, 0, 2);
        await Transcripts.Read(call, e => e is StreamEvent.Token { Sampled.Index: 1 });
        DrainFirst();
        var next = await Accept(_second);
        Assert.Equal([10, 11], next.Request.Generated);
        Bring(old, 2, 1);
        await Quiet(_first);
        Bring(next, 2, 1);
        await _first.ExpectMsgAsync<CancelSequence>(c => c.Id == old.Id);
        Bring(old, 3, 1); // was on its way
        Bring(next, 3, 5);
        Assert.Equal(Enumerable.Range(12, 6), Nodes.Tokens.Of(await Transcripts.Read(call)).Select(t => t.TokenId));
        Assert.Equal((1, 0, 0), (_counters.HandOvers, _counters.Resubmissions, _counters.DeterminismViolations));
    }

    [Fact]
    public async Task New_sequence_should_be_followed_by_another_when_the_old_one_has_brought_many_tokens_meanwhile()
    {
        Supervise();
        var call = Start(maxTokens: 40);
        var old = await Accept(_first);
        DrainFirst();
        var next = await Accept(_second);
        Bring(old, 0, 10);
        await Transcripts.Read(call, e => e is StreamEvent.Token { Sampled.Index: 9 });
        Bring(next, 0, 1); // nine behind
        await _second.ExpectMsgAsync<CancelSequence>(c => c.Id == next.Id);
        var closer = await Accept(_second);
        Assert.Equal(10, closer.Request.Generated.Length);
        await Quiet(_first);
        Bring(old, 10, 2);
        Bring(closer, 10, 1); // one behind
        await _first.ExpectMsgAsync<CancelSequence>(c => c.Id == old.Id);
        Bring(closer, 11, 29);
        Assert.Equal(Enumerable.Range(20, 30), Nodes.Tokens.Of(await Transcripts.Read(call)).Select(t => t.TokenId));
    }

    [Theory]
    [InlineData(2, null, true)]
    [InlineData(3, null, false)]
    [InlineData(9, 40, false)]
    [InlineData(21, 40, true)] // no better than before: there is no prefix cache
    public void New_sequence_should_be_close_when_little_is_missing_or_nothing_can_be_gained(int behind, int? before, bool close) =>
        Assert.Equal(close, StreamFailover.IsClose(behind, before));

    [Fact]
    public async Task Sequence_should_stay_when_its_decoder_is_cordoned_and_new_ones_go_elsewhere()
    {
        Supervise();
        var call = Start();
        var old = await Accept(_first);
        Show((_first, NodeDuty.Cordoned), (_second, NodeDuty.Serves));
        Start("other");
        await Accept(_second);
        await Quiet(_first);
        Bring(old, 0, 8);
        await Same(call);
    }

    [Fact]
    public async Task Sequence_should_stay_and_new_ones_come_when_there_is_no_other_decoder()
    {
        Show((_first, NodeDuty.Serves));
        Supervise();
        var call = Start();
        var old = await Accept(_first);
        Show((_first, NodeDuty.Drains));
        Start("other");
        await Accept(_first);
        Bring(old, 0, 8);
        await Same(call);
        Assert.Equal(0, _counters.HandOvers);
    }

    [Fact]
    public async Task Streams_should_leave_two_at_a_time_and_all_in_the_end()
    {
        Supervise();
        IStreamCall[] calls = [.. Enumerable.Range(0, 5).Select(i => Start($"s{i}"))];
        var old = new List<SubmitSequence>();
        foreach (var _ in calls)
            old.Add(await Accept(_first));
        DrainFirst();
        var under = new Queue<SubmitSequence>([await Accept(_second), await Accept(_second)]);
        var moved = new List<SubmitSequence>();
        while (under.TryDequeue(out var next))
        {
            await Quiet(_second);
            Bring(next, 0, 1);
            await _first.ExpectMsgAsync<CancelSequence>(c => old.Any(o => o.Id == c.Id));
            moved.Add(next);
            if (moved.Count <= 3)
                under.Enqueue(await Accept(_second));
        }
        foreach (var sequence in moved)
            Bring(sequence, 1, 7);
        foreach (var call in calls)
            await Same(call);
        Assert.Equal(5, _counters.HandOvers);
    }

    [Fact]
    public async Task Turn_should_pass_on_when_the_stream_that_has_it_ends()
    {
        Supervise(StreamOptions.Default with { HandOvers = 1 });
        var (a, b) = (Start("a"), Start("b"));
        var first = await Accept(_first);
        var second = await Accept(_first);
        DrainFirst();
        var moving = await Accept(_second);
        bool isFirst = moving.Stream.Equals(first.Stream);
        Bring(isFirst ? first : second, 0, 8); // through before the new one has done its prefill
        await _second.ExpectMsgAsync<CancelSequence>(c => c.Id == moving.Id);
        var other = await Accept(_second);
        Bring(other, 0, 8);
        await Same(a);
        await Same(b);
    }

    [Fact]
    public async Task Stream_should_stay_and_ask_again_when_the_other_decoder_is_full()
    {
        Supervise(StreamOptions.Default with { Retry = TimeSpan.FromMilliseconds(10) });
        var call = Start();
        var old = await Accept(_first);
        DrainFirst();
        var refused = await _second.ExpectMsgAsync<SubmitSequence>();
        refused.Stream.Tell(new SubmitReply(refused.Id, SubmitOutcome.QueueFull));
        Bring(old, 0, 2);
        var next = await Accept(_second);
        Bring(next, next.Request.Generated.Length, 8 - next.Request.Generated.Length);
        await Same(call);
        Assert.Equal(0, _counters.Resubmissions);
    }

    [Fact]
    public async Task Stream_should_stay_when_the_drain_is_taken_back()
    {
        Supervise();
        var call = Start();
        var old = await Accept(_first);
        DrainFirst();
        var next = await Accept(_second);
        Show((_first, NodeDuty.Serves), (_second, NodeDuty.Serves));
        Bring(old, 0, 1);
        await _second.ExpectMsgAsync<CancelSequence>(c => c.Id == next.Id);
        Bring(old, 1, 7);
        await Same(call);
    }

    [Fact]
    public async Task Stream_should_go_on_at_once_when_its_drained_decoder_dies_in_the_middle()
    {
        Supervise();
        var call = Start();
        var old = await Accept(_first);
        DrainFirst();
        var next = await Accept(_second);
        Bring(old, 0, 3);
        await Transcripts.Read(call, e => e is StreamEvent.Token { Sampled.Index: 2 });
        Sys.Stop(_first.Ref);
        Bring(next, 0, 8);
        Assert.Equal(Enumerable.Range(13, 5), Nodes.Tokens.Of(await Transcripts.Read(call)).Select(t => t.TokenId));
        Assert.Equal(0, _counters.Resubmissions);
    }

    [Fact]
    public async Task Stream_should_be_submitted_elsewhere_at_once_when_its_decoder_is_suspected()
    {
        Supervise(StreamOptions.Default with { Pulse = TimeSpan.FromMinutes(1), Retry = TimeSpan.FromMinutes(1) });
        var call = Start();
        await Accept(_first);
        _view.Set(_view.Current, [.. _view.Decoders.Select(d => d with { Suspected = d.NodeId == "n0" })]);
        var next = await Accept(_second);
        Bring(next, 0, 8);
        await Same(call);
        Assert.Equal(1, _counters.Resubmissions);
    }

    [Fact]
    public async Task Both_choices_should_leave_in_one_turn()
    {
        Supervise(StreamOptions.Default with { HandOvers = 1 });
        var call = Start(choices: 2);
        SubmitSequence[] old = [await Accept(_first), await Accept(_first)];
        DrainFirst();
        SubmitSequence[] next = [await Accept(_second), await Accept(_second)];
        foreach (var n in next)
            Bring(n, 0, 8);
        var events = await Transcripts.Read(call);
        for (int c = 0; c < 2; c++)
            Assert.Equal(Enumerable.Range(10, 8), events.OfType<StreamEvent.Token>().Where(t => t.Choice == c).Select(t => t.Sampled.TokenId));
        Assert.Equal(2, _counters.HandOvers);
        Assert.Equal(2, old.Length);
    }
}
