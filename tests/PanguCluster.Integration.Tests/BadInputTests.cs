using PanguCluster.Chaos.Processes;
using Grpc.Core;
using Grpc.Net.Client;
using Pangu.V1;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

public class BadInputTests
{
    private static readonly Dictionary<string, GenerateRequest> Bad = new()
    {
        ["prompt"] = new GenerateRequest(),
        ["text: empty"] = new GenerateRequest { Text = "" },
        ["token_ids: empty"] = new GenerateRequest { TokenIds = new TokenIds() },
        ["token_ids.ids[0]: 4096"] = new GenerateRequest { TokenIds = new TokenIds { Ids = { 4096 } } },
        ["token_ids: 2048 tokens"] = new GenerateRequest { TokenIds = new TokenIds { Ids = { Enumerable.Repeat(5, 2048) } } },
        ["max_tokens: 0"] = new GenerateRequest { Text = "x", MaxTokens = 0 },
        ["max_tokens: 2048"] = new GenerateRequest { Text = "x", MaxTokens = 2048 },
        ["sampling.temperature: NaN"] = new GenerateRequest { Text = "x", Sampling = new Sampling { Temperature = float.NaN } },
        ["sampling.temperature: -1"] = new GenerateRequest { Text = "x", Sampling = new Sampling { Temperature = -1 } },
        ["sampling.top_p: 1.5"] = new GenerateRequest { Text = "x", Sampling = new Sampling { TopP = 1.5f } },
        ["logprobs: 21"] = new GenerateRequest { Text = "x", Logprobs = 21 },
    };

    [Fact]
    public async Task Server_should_refuse_and_serve_on_when_a_request_is_bad()
    {
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano);
        string expected = await AnswerAsync(node);

        foreach (var (says, request) in Bad)
        {
            var refused = await Assert.ThrowsAnyAsync<RpcException>(() => DrainAsync(node, request));
            Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
            Assert.StartsWith(says, refused.Status.Detail, StringComparison.Ordinal);
            Assert.Equal(expected, await AnswerAsync(node));
        }
    }

    [Fact]
    public async Task Server_should_refuse_and_serve_on_when_a_text_is_no_utf8()
    {
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano);
        var raw = Marshallers.Create(bytes => bytes, bytes => bytes);
        var method = new Method<byte[], byte[]>(MethodType.ServerStreaming, "pangu.v1.Generation", "Generate", raw, raw);
        using var channel = GrpcChannel.ForAddress("http://" + node.Grpc);

        using var call = channel.CreateCallInvoker().AsyncServerStreamingCall(method, null, new CallOptions(), [0x0a, 2, 0xc3, 0x28]);
        var refused = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal((StatusCode.InvalidArgument, "text: not valid UTF-8"), (refused.StatusCode, refused.Status.Detail));
        Assert.NotEmpty(await AnswerAsync(node));
    }

    [Fact]
    public async Task Server_should_take_ids_and_refuse_text_when_the_model_has_no_tokenizer()
    {
        await using var node = await ServeNode.StartReadyAsync("--model", Path.Combine(Repository.Root, "models", "golden", "tiny-a"));

        var text = await RunningProgram.RunPanguAsync("generate", "hello", "--server", node.Grpc);
        var ids = await RunningProgram.RunPanguAsync("generate", "--ids", "1,5,9", "--max-tokens", "4", "--temperature", "0", "--server", node.Grpc);

        Assert.Equal(2, text.Code);
        Assert.Contains("no tokenizer", text.Error, StringComparison.Ordinal);
        Assert.True(ids.Code == 0, ids.Error);
        Assert.Matches(@"^\d+(,\d+){0,3}\n$", ids.Output);
    }

    private static async Task<string> AnswerAsync(ServeNode node)
    {
        var events = await DrainAsync(node, new GenerateRequest { Text = "12+7", MaxTokens = 3, Sampling = new Sampling { Temperature = 0 } });
        return string.Concat(events.Select(e => e.Token?.Text ?? e.Finished?.Text));
    }

    private static async Task<List<GenerateEvent>> DrainAsync(ServeNode node, GenerateRequest request)
    {
        var events = new List<GenerateEvent>();
        await foreach (var happened in node.Client.GenerateAsync(request).ConfigureAwait(false))
            events.Add(happened);
        return events;
    }
}
