using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client;

namespace PanguCluster.Chaos.Processes;

/// <summary>One <c>pangu serve</c> process.</summary>
internal sealed class ServeNode : IAsyncDisposable
{
    private readonly NetworkPlace? _place;

    private ServeNode(string grpc, string http, string cluster, IEnumerable<string> options, NetworkPlace? place = null)
    {
        _place = place;
        Grpc = grpc;
        Http = http;
        Cluster = cluster;
        Client = new PanguClient(new PanguClientOptions { StartLimit = TimeSpan.Zero }, grpc);
        Program = Run(options);
    }

    public RunningProgram Program { get; private set; }
    public string Grpc { get; }
    public string Http { get; }
    public string Cluster { get; }
    public PanguClient Client { get; }

    /// <param name="extra">More options; one that names threads, KV memory or the data folder takes the place of the default.</param>
    public static ServeNode Start(params IEnumerable<string> extra)
    {
        int[] ports = FreshPorts.Take(3);
        string cluster = $"127.0.0.1:{ports[2]}";
        return new ServeNode($"127.0.0.1:{ports[0]}", $"127.0.0.1:{ports[1]}", cluster, [.. Journals.For(cluster, extra), .. extra]);
    }

    /// <summary>A node that others reach at a place in a network of the test's own, and clients, if it is not in a namespace, on this machine.</summary>
    public static ServeNode StartAt(NetworkPlace place, params IEnumerable<string> extra)
    {
        int[] ports = FreshPorts.Take(3);
        return new ServeNode($"127.0.0.1:{ports[0]}", $"127.0.0.1:{ports[1]}", $"{place.Address}:{ports[2]}", extra, place);
    }

    /// <summary>A node whose cluster address others know before it runs.</summary>
    public static ServeNode StartAt(string cluster, params IEnumerable<string> options)
    {
        int[] ports = FreshPorts.Take(2);
        return new ServeNode($"127.0.0.1:{ports[0]}", $"127.0.0.1:{ports[1]}", cluster, options);
    }

    /// <summary>Another process in the place of one that has ended: the same addresses.</summary>
    /// <param name="options">All of its options beside addresses and data folder, the journal too.</param>
    public async Task StartAgainAsync(params IEnumerable<string> options)
    {
        await Program.DisposeAsync();
        Program = Run(options);
    }

    private RunningProgram Run(IEnumerable<string> options)
    {
        string[] threads = options.Contains("--threads") ? [] : ["--threads", "1"];
        string[] data = options.Contains("--data") ? [] : ["--data", Repository.Data];
        string[] memory = options.Contains("--kv-memory") ? [] : ["--kv-memory", "64MiB"];
        string[] serve = ["serve", "--grpc", Grpc, "--http", Http, "--cluster", Cluster, .. data, .. memory, .. threads, .. options];
        return _place is null ? RunningProgram.Pangu(serve) : _place.Run(Repository.Pangu, serve);
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
