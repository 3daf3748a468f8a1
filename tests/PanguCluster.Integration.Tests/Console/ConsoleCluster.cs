using PanguCluster.Chaos.Processes;
using System.Text.Json;
using Pangu.V1;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests.Console;

/// <summary>
/// Three nodes for the tests of the operator's verbs: east-1, east-2 and west-1, which share a launcher that starts nothing, so that a scale out goes on until it is
/// ended. Every test leaves them as it has found them.
/// </summary>
public sealed class ConsoleCluster : IAsyncLifetime
{
    private readonly List<ServeNode> _nodes = [];
    private string[] _west = [];

    /// <summary>The node that is asked: not the coordinator's.</summary>
    internal ServeNode Asked => _nodes[1];

    internal ServeNode West => _nodes[2];

    internal static IReadOnlyList<string> Ids { get; } = ["east-1", "east-2", "west-1"];

    public async ValueTask InitializeAsync()
    {
        string[] common =
        [
            "--model", Repository.Nano, "--min-expert-nodes", "3", "--drain-timeout", "10s",
            "--launcher", "command", "--start-node-command", "true", "--stop-node-command", "true",
        ];
        _nodes.Add(ServeNode.Start([.. common, "--node-id", Ids[0]]));
        foreach (string id in Ids.Skip(1))
            _nodes.Add(ServeNode.Start(_west = [.. common, "--node-id", id, "--seed-node", _nodes[0].Cluster]));
        _west = [.. _west, .. Journals.For(_nodes[2].Cluster, _west)];
        await AtRestAsync();
        Assert.Equal(Ids[0], (await Asked.Client.GetClusterAsync()).Coordinator);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
    }

    /// <summary>Runs a verb at the asked node, and judges how it ends.</summary>
    internal async Task<Ended> RunAsync(int code, params string[] arguments)
    {
        var ended = await RunningProgram.RunPanguAsync([.. arguments, "--server", Asked.Grpc]);
        Assert.True(ended.Code == code, $"{string.Join(' ', arguments)} ended with {ended.Code}, not {code}: {ended.Output}{ended.Error}");
        if (code != 0)
            Assert.StartsWith("pangu: ", ended.Error.Split('\n')[^2], StringComparison.Ordinal);
        return ended;
    }

    /// <summary>The one line of JSON that a verb prints.</summary>
    internal async Task<JsonElement> JsonAsync(params string[] arguments)
    {
        var ended = await RunAsync(0, [.. arguments, "-o", "json"]);
        return JsonDocument.Parse(Assert.Single(ended.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))).RootElement;
    }

    /// <summary>Until three nodes serve, two of them each group, and no operation runs, as the asked node and west-1 see it.</summary>
    internal async Task AtRestAsync()
    {
        foreach (var node in (ServeNode[])[Asked, West])
            await node.UntilAsync(c => c.Ready
                && c.Nodes.Count(n => n is { Status: "Up", Duty: Pangu.V1.Node.Types.Duty.Serves }) == 3 && c.Nodes.Sum(n => n.Groups.Count) == 16
                && c.Groups.All(g => g.Replicas.Count == 2 && g.Replicas.All(r => r.State == "Ready"))
                && c.Operations.All(o => o.State != Operation.Types.State.Running));
    }

    /// <summary>A new process in the place of west-1's, which has ended.</summary>
    internal async Task WestComesBackAsync()
    {
        await West.StartAgainAsync(_west);
        await AtRestAsync();
    }
}
