using System.Threading.Channels;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Actors.Streams;
using PanguCluster.Node.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Services;

public class GenerationServiceTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Generate_should_stream_accepted_tokens_finished_when_all_is_well()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var events = await Collect(edge, new GenerateRequest { Text = "hi", Logprobs = 2, Sampling = new Sampling { Seed = 9 } });

        Assert.Equal(new Accepted { SessionId = events[0].Accepted.SessionId, Seed = 9, Model = "test-model", PromptTokens = 3 }, events[0].Accepted);
        Assert.Equal(32, events[0].Accepted.SessionId.Length);
        Assert.Equal([100, 101, 102], events[1..4].Select(e => e.Token.TokenId));
        Assert.All(events[1..4], e => Assert.Equal((-0.5f, 2), (e.Token.Logprob, e.Token.TopLogprobs.Count)));
        Assert.Equal((Finished.Types.Reason.Length, 3, 3), (events[4].Finished.Reason, events[4].Finished.Usage.PromptTokens, events[4].Finished.Usage.GeneratedTokens));
        Assert.Equal("t0 t1 t2 end", string.Concat(events.Select(e => e.Token?.Text ?? e.Finished?.Text)));
    }

    [Fact]
    public async Task Generate_should_leave_logprobs_absent_when_not_asked_for()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var events = await Collect(edge, new GenerateRequest { Text = "hi" });

        Assert.All(events.Where(e => e.Token is not null), e => Assert.False(e.Token.HasLogprob));
    }

    [Fact]
    public async Task Generate_should_report_different_seeds_when_none_is_given()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var first = await Collect(edge, new GenerateRequest { Text = "hi" });
        var second = await Collect(edge, new GenerateRequest { Text = "hi" });

        Assert.NotEqual(first[0].Accepted.Seed, second[0].Accepted.Seed);
        Assert.Equal(edge.Gateway.Requests.Select(r => r.Sampling.Seed), [first[0].Accepted.Seed, second[0].Accepted.Seed]);
    }

    [Theory]
    [InlineData(FailureKind.Overloaded, StatusCode.ResourceExhausted, true)]
    [InlineData(FailureKind.Unavailable, StatusCode.Unavailable, true)]
    [InlineData(FailureKind.Invalid, StatusCode.InvalidArgument, false)]
    [InlineData(FailureKind.DeadlineExceeded, StatusCode.DeadlineExceeded, false)]
    [InlineData(FailureKind.Internal, StatusCode.Internal, false)]
    public async Task Generate_should_end_with_the_status_of_the_failure_when_the_stream_fails(FailureKind kind, StatusCode code, bool hint)
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = async (request, writer, stop) =>
        {
            await writer.WriteAsync(FakeGateway.Accepted(request), stop);
            await writer.WriteAsync(new StreamEvent.Failed(kind, "because of the test"), stop);
        };

        var failed = await Assert.ThrowsAnyAsync<RpcException>(() => Collect(edge, new GenerateRequest { Text = "hi" }));

        Assert.Equal((code, "because of the test"), (failed.StatusCode, failed.Status.Detail));
        Assert.Equal(hint, failed.Trailers.GetValue(FailureStatus.RetryAfterTrailer) is not null);
    }

    [Fact]
    public async Task Generate_should_cancel_the_sequence_when_the_client_leaves()
    {
        await using var edge = await EdgeFixture.StartAsync();
        var cancelled = new TaskCompletionSource();
        edge.Gateway.Play = Forever(cancelled);

        await foreach (var happened in edge.Client.GenerateAsync(new GenerateRequest { Text = "hi" }))
            if (happened.Token?.Index == 1)
                break;

        await cancelled.Task.WaitAsync(Limit);
    }

    [Fact]
    public async Task Generate_should_cancel_the_sequence_and_say_so_when_the_deadline_passes()
    {
        await using var edge = await EdgeFixture.StartAsync();
        var cancelled = new TaskCompletionSource();
        edge.Gateway.Play = Forever(cancelled);
        var client = new Generation.GenerationClient(edge.Channel);

        // The first call of a cold server may take longer than a short deadline and would never start a sequence.
        await edge.Client.GetModelAsync();
        using var call = client.Generate(new GenerateRequest { Text = "hi" }, deadline: DateTime.UtcNow.AddSeconds(2));
        var failed = await Assert.ThrowsAnyAsync<RpcException>(async () =>
        {
            await foreach (var _ in call.ResponseStream.ReadAllAsync())
            {
            }
        });

        Assert.Equal(StatusCode.DeadlineExceeded, failed.StatusCode);
        await cancelled.Task.WaitAsync(Limit);
        Assert.NotNull(Assert.Single(edge.Gateway.Requests).Deadline);
    }

    [Fact]
    public async Task Generate_should_end_with_unavailable_when_the_node_stops()
    {
        await using var edge = await EdgeFixture.StartAsync();
        var cancelled = new TaskCompletionSource();
        edge.Gateway.Play = Forever(cancelled);
        await using var events = edge.Client.GenerateAsync(new GenerateRequest { Text = "hi" }).GetAsyncEnumerator();
        Assert.True(await events.MoveNextAsync());

        var stopping = edge.StopAsync();
        var failed = await Assert.ThrowsAnyAsync<RpcException>(async () =>
        {
            while (await events.MoveNextAsync())
            {
            }
        });

        Assert.Equal(StatusCode.Unavailable, failed.StatusCode);
        await stopping.WaitAsync(Limit);
        await cancelled.Task.WaitAsync(Limit);
    }

    [Fact]
    public async Task Generate_should_serve_on_when_requests_were_refused()
    {
        await using var edge = await EdgeFixture.StartAsync();

        for (int i = 0; i < 20; i++)
        {
            var refused = await Assert.ThrowsAnyAsync<RpcException>(() => Collect(edge, new GenerateRequest { Text = "hi", MaxTokens = 0 }));
            Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        }

        Assert.Equal(5, (await Collect(edge, new GenerateRequest { Text = "hi" })).Count);
        Assert.Single(edge.Gateway.Requests);
    }

    [Fact]
    public async Task Tokenize_and_detokenize_should_be_inverse_when_the_model_has_a_tokenizer()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var ids = await edge.Client.TokenizeAsync("grüße");
        var chat = await edge.Client.TokenizeAsync(new Chat { Messages = { new ChatMessage { Role = "user", Content = "x" } } });

        Assert.Equal("grüße", await edge.Client.DetokenizeAsync(ids));
        Assert.Equal("user:x;", await edge.Client.DetokenizeAsync(chat));
    }

    [Fact]
    public async Task Tokenize_should_refuse_with_the_field_when_wrong()
    {
        await using var edge = await EdgeFixture.StartAsync();
        await using var bare = await EdgeFixture.StartAsync(tokenizer: false);

        Assert.Contains("text: empty", await Refusal(edge.Client.TokenizeAsync("")), StringComparison.Ordinal);
        Assert.Contains("no tokenizer", await Refusal(bare.Client.TokenizeAsync("x")), StringComparison.Ordinal);
        Assert.Contains("no tokenizer", await Refusal(bare.Client.DetokenizeAsync([1])), StringComparison.Ordinal);
        Assert.Contains("token_ids[1]: 300", await Refusal(edge.Client.DetokenizeAsync([1, 300])), StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetModel_should_tell_limits_and_digest_when_asked()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var model = await edge.Client.GetModelAsync();

        Assert.Equal(("test-model", "bf16", 300, 128, true), (model.Name, model.Format, model.VocabSize, model.ContextLength, model.HasTokenizer));
        Assert.Equal((new string('a', 64), 127, 8, 8), (model.Digest, model.DefaultMaxTokens, model.Groups, model.ExpertsPerToken));
        Assert.Equal([2], model.EosTokenIds);
    }

    private static Func<GenerationRequest, ChannelWriter<StreamEvent>, CancellationToken, Task> Forever(TaskCompletionSource cancelled) =>
        async (request, writer, stop) =>
        {
            await writer.WriteAsync(FakeGateway.Accepted(request), CancellationToken.None);
            await writer.WriteAsync(FakeGateway.Token(0), CancellationToken.None);
            await writer.WriteAsync(FakeGateway.Token(1), CancellationToken.None);
            var ended = new TaskCompletionSource();
            await using var registration = stop.Register(() => ended.TrySetResult());
            await ended.Task;
            cancelled.TrySetResult();
        };

    private static async Task<string> Refusal(Task call) =>
        (await Assert.ThrowsAnyAsync<RpcException>(() => call)) is { StatusCode: StatusCode.InvalidArgument } refused ? refused.Status.Detail : "another status";

    private static async Task<List<GenerateEvent>> Collect(EdgeFixture edge, GenerateRequest request)
    {
        var events = new List<GenerateEvent>();
        await foreach (var happened in edge.Client.GenerateAsync(request).ConfigureAwait(false))
            events.Add(happened);
        return events;
    }
}
