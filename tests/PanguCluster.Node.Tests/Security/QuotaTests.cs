using Grpc.Core;
using Pangu.V1;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Sampling;
using PanguCluster.Node.Security;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Security;

public class QuotaTests
{
    private static GenerationRequest Request(int prompt = 3, string owner = "c1", bool detached = false) =>
        new("s", new int[prompt], 8, new SamplingParameters(), [], [], null) { Owner = owner, Detached = detached };

    private static (QuotaGateway Gateway, FakeGateway Inner, Clock Time) Make(int? sessions = null, int? tokens = null)
    {
        var inner = new FakeGateway();
        var time = new Clock();
        return (new QuotaGateway(inner, new ApiKeys(new TestKeys(sessions, tokens).File), time), inner, time);
    }

    private static async Task<List<StreamEvent>> DrainAsync(IStreamCall call)
    {
        var events = new List<StreamEvent>();
        await foreach (var e in call.Events.ReadAllAsync())
            events.Add(e);
        return events;
    }

    private static async Task<StreamEvent.Failed?> RefusalAsync(IStreamCall call) => (await DrainAsync(call)).OfType<StreamEvent.Failed>().FirstOrDefault();

    [Fact]
    public async Task Start_should_be_refused_when_the_key_has_its_sessions_and_allowed_when_one_ends()
    {
        var (gateway, inner, _) = Make(sessions: 2);
        inner.Play = async (_, _, stop) => await Task.Delay(Timeout.Infinite, stop).ContinueWith(_ => { }, TaskScheduler.Default);
        var first = gateway.Start(Request());
        using var second = gateway.Start(Request());

        var refused = await RefusalAsync(gateway.Start(Request()));
        Assert.Equal(FailureKind.Overloaded, refused!.Kind);
        Assert.Contains("'c1' has 2 running sessions on this node; its limit is 2", refused.Message, StringComparison.Ordinal);
        Assert.NotNull(refused.RetryAfter);
        using var other = gateway.Start(Request(owner: "o1"));
        first.Dispose();
        first.Dispose();
        using var third = gateway.Start(Request());
        Assert.NotNull(await RefusalAsync(gateway.Start(Request())));
        Assert.Equal(4, inner.Requests.Count);
    }

    [Fact]
    public async Task Resume_should_find_a_place_when_the_broken_call_still_holds_its_own()
    {
        var (gateway, inner, _) = Make(sessions: 1);
        inner.Play = async (_, _, stop) => await Task.Delay(Timeout.Infinite, stop).ContinueWith(_ => { }, TaskScheduler.Default);
        using var broken = gateway.Start(Request());

        using var resumed = gateway.Resume(new Actors.Streams.ResumeRequest("s", [0], "c1", null));
        Assert.Single(inner.Resumes);
        Assert.NotNull(await RefusalAsync(gateway.Resume(new Actors.Streams.ResumeRequest("s", [0], "c1", null))));
    }

    [Fact]
    public async Task Start_should_wait_for_the_minute_when_the_tokens_are_used_up()
    {
        var (gateway, _, time) = Make(tokens: 60);
        using (var call = gateway.Start(Request(prompt: 58)))
            Assert.Equal(5, (await DrainAsync(call)).Count); // 3 tokens: 61 of 60 are used now

        var refused = await RefusalAsync(gateway.Start(Request(prompt: 4)));
        Assert.Contains("60 tokens per minute", refused!.Message, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromSeconds(5), refused.RetryAfter);
        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.NotNull(await RefusalAsync(gateway.Start(Request(prompt: 4))));
        time.Advance(TimeSpan.FromSeconds(0.2));
        using var late = gateway.Start(Request(prompt: 4));
        Assert.Null(await RefusalAsync(late));
    }

    [Fact]
    public async Task Prompt_larger_than_a_minute_should_start_when_the_bucket_is_full()
    {
        var (gateway, _, _) = Make(tokens: 10);

        using var call = gateway.Start(Request(prompt: 1000));
        Assert.Null(await RefusalAsync(call));
        Assert.True((await RefusalAsync(gateway.Start(Request(prompt: 1))))!.RetryAfter > TimeSpan.FromMinutes(90));
    }

    [Fact]
    public async Task Detached_session_should_keep_its_place_and_be_counted_when_its_caller_leaves()
    {
        var (gateway, inner, _) = Make(sessions: 1);
        var end = new TaskCompletionSource();
        inner.Play = async (request, writer, stop) =>
        {
            await end.Task;
            await FakeGateway.PlayTokens(2)(request, writer, stop);
        };
        gateway.Start(Request(detached: true)).Dispose();

        Assert.NotNull(await RefusalAsync(gateway.Start(Request())));
        end.SetResult();
        for (int i = 0; ; i++)
        {
            using var next = gateway.Start(Request());
            if (await RefusalAsync(next) is null)
                break;
            Assert.True(i < 500, "the place is still taken");
            await Task.Delay(10);
        }
    }

    [Fact]
    public async Task Caller_should_see_resource_exhausted_and_when_to_come_back_when_over_the_limit()
    {
        var keys = new TestKeys(tokensPerMinute: 1);
        await using var edge = await SecureEdge.StartAsync(keys.Open());
        using var client = edge.Client(keys.Client);
        await foreach (var _ in client.GenerateAsync(new GenerateRequest { Text = "hi" }))
        {
        }

        var refused = await Assert.ThrowsAnyAsync<RpcException>(async () =>
        {
            await foreach (var _ in client.GenerateAsync(new GenerateRequest { Text = "hi" }))
            {
            }
        });

        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.True(int.Parse(refused.Trailers.GetValue("retry-after-ms")!, System.Globalization.CultureInfo.InvariantCulture) > 60_000);
    }

    private sealed class Clock : TimeProvider
    {
        private long _now = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan by) => _now += by.Ticks;
    }
}
