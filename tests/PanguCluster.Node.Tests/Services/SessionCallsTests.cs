using System.Net.Sockets;
using System.Threading.Channels;
using Grpc.Core;
using Grpc.Net.Client;
using Pangu.V1;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Node.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Services;

/// <summary>Resume, Cancel, and how callers part, at the real edge.</summary>
public class SessionCallsTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Resume_should_ask_for_every_choice_when_one_index_is_given()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var events = await ResumeAsync(edge, new Pangu.V1.ResumeRequest { SessionId = "s-1", NextIndex = 5 });
        await ResumeAsync(edge, new Pangu.V1.ResumeRequest { SessionId = "s-2", NextIndices = { 3, 0 } });

        Assert.Equal("s-1", events[0].Accepted.SessionId);
        Assert.Equal(5, events.Count);
        Assert.Equal(["s-1", "s-2"], edge.Gateway.Resumes.Select(r => r.SessionId));
        Assert.Equal([[5], [3, 0]], edge.Gateway.Resumes.Select(r => r.NextIndices.ToArray()));
    }

    public static TheoryData<Pangu.V1.ResumeRequest, string> BadResumes => new()
    {
        { new Pangu.V1.ResumeRequest(), "session_id" },
        { new Pangu.V1.ResumeRequest { SessionId = "a b" }, "session_id" },
        { new Pangu.V1.ResumeRequest { SessionId = "s", NextIndex = -1 }, "next_index: -1" },
        { new Pangu.V1.ResumeRequest { SessionId = "s", NextIndices = { 0, -7 } }, "next_indices[1]: -7" },
        { new Pangu.V1.ResumeRequest { SessionId = "s", NextIndex = 1, NextIndices = { 1 } }, "not both" },
        { new Pangu.V1.ResumeRequest { SessionId = "s", NextIndices = { Enumerable.Repeat(1, 17) } }, "limit is 16" },
    };

    [Theory]
    [MemberData(nameof(BadResumes))]
    public async Task Resume_should_be_refused_with_the_field_when_wrong(Pangu.V1.ResumeRequest request, string says)
    {
        await using var edge = await EdgeFixture.StartAsync();

        var refused = await Assert.ThrowsAsync<RpcException>(() => ResumeAsync(edge, request));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Contains(says, refused.Status.Detail, StringComparison.Ordinal);
        Assert.Empty(edge.Gateway.Resumes);
    }

    [Theory]
    [InlineData(FailureKind.NotFound, StatusCode.NotFound)]
    [InlineData(FailureKind.OutOfRange, StatusCode.OutOfRange)]
    [InlineData(FailureKind.Conflict, StatusCode.AlreadyExists)]
    public async Task Resume_should_end_with_the_status_of_the_failure_when_refused(FailureKind kind, StatusCode code)
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = async (_, writer, stop) => await writer.WriteAsync(new StreamEvent.Failed(kind, "because"), stop);

        var refused = await Assert.ThrowsAsync<RpcException>(() => ResumeAsync(edge, new Pangu.V1.ResumeRequest { SessionId = "s" }));

        Assert.Equal((code, "because"), (refused.StatusCode, refused.Status.Detail));
    }

    [Fact]
    public async Task Hint_should_be_the_stream_s_own_when_it_gives_one()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = async (_, writer, stop) => await writer.WriteAsync(
            new StreamEvent.Failed(FailureKind.Unavailable, "the journal is away") { RetryAfter = TimeSpan.FromSeconds(5) }, stop);

        var refused = await Assert.ThrowsAsync<RpcException>(() => ResumeAsync(edge, new Pangu.V1.ResumeRequest { SessionId = "s" }));

        Assert.Equal("5000", refused.Trailers.GetValue(FailureStatus.RetryAfterTrailer));
    }

    [Fact]
    public async Task Echoed_prompt_should_come_with_its_log_probabilities_when_the_stream_brings_it()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = async (request, writer, stop) =>
        {
            await writer.WriteAsync(FakeGateway.Accepted(request), stop);
            await writer.WriteAsync(new StreamEvent.Prompt([new(0, 7, "a", float.NaN, null), new(1, 8, "b", -1.5f, [new(8, -1.5f), new(9, -2f)])]), stop);
        };

        var events = await ResumeAsync(edge, new Pangu.V1.ResumeRequest { SessionId = "s" });

        var prompt = events[1].Prompt.Tokens;
        Assert.Equal([(0, 7, "a", false), (1, 8, "b", true)], prompt.Select(p => (p.Index, p.TokenId, p.Text, p.HasLogprob)));
        Assert.Equal((-1.5f, 2, -2f), (prompt[1].Logprob, prompt[1].TopLogprobs.Count, prompt[1].TopLogprobs[1].Logprob));
    }

    [Fact]
    public async Task Cancel_should_tell_found_from_unknown_and_unavailable()
    {
        await using var edge = await EdgeFixture.StartAsync();
        var client = new Generation.GenerationClient(edge.Channel);
        await ResumeAsync(edge, new Pangu.V1.ResumeRequest { SessionId = "warm" });
        using var running = client.Generate(new GenerateRequest { Text = "hi", SessionId = "mine" });
        Assert.True(await running.ResponseStream.MoveNext(CancellationToken.None));

        await client.CancelAsync(new CancelRequest { SessionId = "mine" });
        var unknown = await Assert.ThrowsAsync<RpcException>(async () => await client.CancelAsync(new CancelRequest { SessionId = "other" }));
        var bad = await Assert.ThrowsAsync<RpcException>(async () => await client.CancelAsync(new CancelRequest()));
        edge.Gateway.NoCancelling = new SessionsUnavailableException("the journal is away");
        var away = await Assert.ThrowsAsync<RpcException>(async () => await client.CancelAsync(new CancelRequest { SessionId = "mine" }));

        Assert.Equal(["mine", "other"], edge.Gateway.Cancelled);
        Assert.Equal((StatusCode.NotFound, StatusCode.InvalidArgument, StatusCode.Unavailable), (unknown.StatusCode, bad.StatusCode, away.StatusCode));
        Assert.NotNull(away.Trailers.GetValue(FailureStatus.RetryAfterTrailer));
    }

    [Fact]
    public async Task Caller_should_cancel_when_the_call_is_cancelled_and_the_connection_lives()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = Endless;
        using var call = new Generation.GenerationClient(edge.Channel).Generate(new GenerateRequest { Text = "hi" });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        call.Dispose();

        Assert.Equal("cancelled", await PartingAsync(edge));
    }

    [Fact]
    public async Task Caller_should_leave_when_the_connection_breaks()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = Endless;
        Socket? socket = null;
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (at, cancellation) =>
            {
                socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(at.DnsEndPoint, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var channel = GrpcChannel.ForAddress(edge.Grpc, new GrpcChannelOptions { HttpHandler = handler });
        using var call = new Generation.GenerationClient(channel).Generate(new GenerateRequest { Text = "hi" });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        // As when the client's process is killed.
        socket!.LingerState = new LingerOption(true, 0);
        socket.Close();

        Assert.Equal("left", await PartingAsync(edge));
    }

    private static async Task Endless(GenerationRequest request, ChannelWriter<StreamEvent> writer, CancellationToken stop)
    {
        await writer.WriteAsync(FakeGateway.Accepted(request), CancellationToken.None);
        await Task.Delay(Timeout.InfiniteTimeSpan, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task<string> PartingAsync(EdgeFixture edge)
    {
        var call = Assert.Single(edge.Gateway.Calls);
        var parted = new TaskCompletionSource();
        await using var registration = call.Ended.Register(() => parted.TrySetResult());
        await parted.Task.WaitAsync(Limit);
        return call.Parting;
    }

    private static async Task<List<GenerateEvent>> ResumeAsync(EdgeFixture edge, Pangu.V1.ResumeRequest request)
    {
        using var call = new Generation.GenerationClient(edge.Channel).Resume(request);
        var events = new List<GenerateEvent>();
        await foreach (var happened in call.ResponseStream.ReadAllAsync())
            events.Add(happened);
        return events;
    }
}
