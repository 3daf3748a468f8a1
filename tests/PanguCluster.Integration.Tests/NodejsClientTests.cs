using PanguCluster.Chaos.Processes;
using System.Text.Json;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

/// <summary>A client that shares no code with the server. Node.js is needed for this test only.</summary>
public class NodejsClientTests
{
    [Fact]
    public async Task Nodejs_client_should_get_tokens_logprobs_and_its_cancellation_honoured_when_it_uses_the_proto()
    {
        await Nodejs.InstallAsync(Repository.NodejsClient);
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano);

        var ended = await Nodejs.RunAsync(Repository.NodejsClient, "node", "client.js", node.Grpc, Repository.Protos);

        Assert.True(ended.Code == 0, ended.Error);
        var seen = JsonDocument.Parse(ended.Output).RootElement;
        var expected = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(Repository.Nano, "golden.json"))).RootElement
            .GetProperty("prompts")[0].GetProperty("greedy_ids").EnumerateArray().Take(16).Select(id => id.GetInt32());
        Assert.Equal(expected, seen.GetProperty("greedy").GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()));
        Assert.Equal(seen.GetProperty("greedy").ToString(), seen.GetProperty("again").ToString());
        Assert.Equal("length", seen.GetProperty("greedy").GetProperty("reason").GetString());
        Assert.InRange(seen.GetProperty("cancelledAfter").GetInt32(), 21, 1499);
        Assert.Equal("INVALID_ARGUMENT", seen.GetProperty("refusal").GetProperty("code").GetString());
        Assert.StartsWith("token_ids.ids[0]: -1", seen.GetProperty("refusal").GetProperty("details").GetString(), StringComparison.Ordinal);
    }
}
