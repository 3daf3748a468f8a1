using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client;

namespace PanguCluster.Integration.Tests.Processes;

/// <summary>One <c>pangu serve</c> process.</summary>
internal sealed class ServeNode : IAsyncDisposable
{
    private ServeNode(RunningProgram program, string grpc, string http, string cluster)
    {
        Program = program;
        Grpc = grpc;
        Http = http;
        Cluster = cluster;
        Client = new PanguClient(new PanguClientOptions { StartLimit = TimeSpan.Zero }, grpc);
    }

    public RunningProgram Program { get; }
    public string Grpc { get; }
    public string Http { get; }
    public string Cluster { get; }
    public PanguClient Client { get; }

    /// <param name="extra">More options; one that names the threads takes the place of the default of 1.</param>
    public static ServeNode Start(params IEnumerable<string> extra)
    {
        string[] threads = extra.Contains("--threads") ? [] : ["--threads", "1"];
        int[] ports = TestPorts.Take(3);
        var (grpc, http, cluster) = ($"127.0.0.1:{ports[0]}", $"127.0.0.1:{ports[1]}", $"127.0.0.1:{ports[2]}");
        var program = RunningProgram.Pangu(
            ["serve", "--data", Repository.Data, "--grpc", grpc, "--http", http, "--cluster", cluster, "--kv-memory", "64MiB", .. threads,
                .. Journals.For(cluster, extra), .. extra]);
        return new ServeNode(program, grpc, http, cluster);
    }

    public static async Task<ServeNode> StartReadyAsync(params IEnumerable<string> extra)
    {
        var node = Start(extra);
        try
        {
            await node.ReadyAsync();
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits for the node's own ready line.</summary>
    public Task ReadyAsync() => Program.UntilOutputAsync(text => text.Contains("ready", StringComparison.Ordinal));

    /// <summary>Waits until the cluster as this node sees it satisfies the condition.</summary>
    public async Task<ClusterState> UntilAsync(Func<ClusterState, bool> condition)
    {
        ClusterState? last = null;
        await Wait.UntilAsync(
            async () =>
            {
                try
                {
                    last = await Client.GetClusterAsync();
                    return condition(last);
                }
                catch (RpcException)
                {
                    return false;
                }
            },
            RunningProgram.Limit, () => $"last state: {last}\nstderr:\n{Program.Error}");
        return last!;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Program.DisposeAsync();
    }
}
