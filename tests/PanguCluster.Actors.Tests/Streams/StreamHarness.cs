using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tokenization;
using Xunit;
using static PanguCluster.Actors.Decoding.DecoderProtocol;

namespace PanguCluster.Actors.Tests.Streams;

/// <summary>A node's streams behind their gateway, with the decoder and the sessions' region played by the test.</summary>
public abstract class StreamHarness : TestKit
{
    private protected readonly ClusterView View = new(TestModel.Bf16.Manifest, 1);
    private protected readonly StreamCounters Counters = new();
    private protected readonly GenerationGateway Gateway = new();
    private protected readonly TestProbe Decoder;
    private protected readonly TestProbe Region;

    protected StreamHarness()
    {
        Decoder = CreateTestProbe();
        Region = CreateTestProbe();
        View.Set(View.Current, [new DecoderNode("n0", Decoder.Ref, new DecoderLoad(0, 0, 9, 9, 0, 0, 0), true)]);
    }

    private protected static StreamOptions Options => StreamOptions.Default with
    {
        Record = RecordOptions.Default with { Interval = TimeSpan.FromMilliseconds(20), OpenRetry = TimeSpan.FromMilliseconds(50), Retry = TimeSpan.FromMilliseconds(200) },
    };

    private protected void Supervise(bool sessions, StreamOptions? options = null, PanguTokenizer? tokenizer = null)
    {
        var settings = new StreamSettings(
            TestModel.Bf16.Manifest, tokenizer, View, new LoadGauge(), options ?? Options, Counters, TimeProvider.System)
        {
            Sessions = sessions ? Region.Ref : null, NodeId = "n0",
        };
        Gateway.Open(Sys.ActorOf(Props.Create(() => new StreamSupervisor(settings, Gateway))));
    }

    private protected static GenerationRequest Request(int maxTokens = 4) =>
        new("s", [1, 2], maxTokens, new SamplingParameters { Seed = 5 }, [], [], null) { NamedByCaller = true, Owner = "me" };

    private protected static SessionRecord RecordOf(GenerationRequest request) =>
        SessionRecord.Of(request, TestModel.Bf16.Manifest.Digest, TestModel.Bf16.Manifest.NumericsVersion, DateTimeOffset.UnixEpoch);

    private protected static RecordedToken[] Recorded(params int[] ids) => [.. ids.Select(i => new RecordedToken(i, float.NaN, null))];

    private protected async Task<SubmitSequence> Accept()
    {
        var submit = await Decoder.FishForMessageAsync<SubmitSequence>(_ => true);
        submit.Stream.Tell(new SubmitReply(submit.Id, SubmitOutcome.Accepted), Decoder.Ref);
        return submit;
    }

    private protected void Bring(SubmitSequence to, int index, params int[] tokens)
    {
        foreach (int token in tokens)
            to.Stream.Tell(new SequenceToken(to.Id, new SampledToken(index++, token, float.NaN, null)), Decoder.Ref);
    }

    private protected static SessionProtocol.Opened Opened(GenerationRequest request, params RecordedChoice[] choices) => new(
        "s", RecordOf(request), choices.Length > 0 ? choices : [.. Enumerable.Repeat(new RecordedChoice([], 0, null), request.Choices)], 1);

    private protected static async Task<List<StreamEvent>> All(IStreamCall call)
    {
        var events = new List<StreamEvent>();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await foreach (var e in call.Events.ReadAllAsync(limit.Token))
            events.Add(e);
        return events;
    }

    private protected static async Task<StreamEvent> Next(IStreamCall call)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        return await call.Events.ReadAsync(limit.Token);
    }

    private protected static void Same(IEnumerable<StreamEvent> events, params int[] ids) => Assert.Equal(ids, Ids(events));

    private protected static int[] Ids(IEnumerable<StreamEvent> events, int choice = 0) =>
        [.. events.OfType<StreamEvent.Token>().Where(t => t.Choice == choice).Select(t => t.Sampled.TokenId)];
}
