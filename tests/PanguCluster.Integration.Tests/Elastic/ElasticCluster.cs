using PanguCluster.Chaos.Processes;
using System.Globalization;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Integration.Tests.Processes;
using PanguCluster.Integration.Tests.Storm;
using PanguCluster.Node.Launch;
using Operation = Pangu.V1.Operation;

namespace PanguCluster.Integration.Tests.Elastic;

/// <summary>A gateway that is never harmed, two nodes that decode and compute, and whatever <c>pangu scale</c> starts beside them. Any node but the gateway may be killed.</summary>
internal sealed class ElasticCluster : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(180);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(5);

    private readonly NodeCluster _cluster;
    private readonly string _launched;

    private ElasticCluster(NodeCluster cluster, string launched)
    {
        _cluster = cluster;
        _launched = launched;
    }

    public string Gateway => _cluster.Nodes[0].Grpc;

    /// <param name="empty">Nodes that are started have an empty data folder of their own: they fetch everything, and slowly.</param>
    public static async Task<ElasticCluster> StartAsync(bool empty)
    {
        string launched = Directory.CreateTempSubdirectory("pangu-launched-").FullName;
        string journal = Journals.Fresh();
        string[] workers = ["--roles", "decoder,expert", "--exit-with-process", Text(Environment.ProcessId)];
        string[] launcher = empty ? WithCommands(launched, [.. workers, "--journal", journal, "--replicas", "2"]) : ["--launcher", "local", "--launch-folder", launched];
        var cluster = await NodeCluster.StartAsync(
            [["--roles", "gateway"], [.. workers, .. launcher], [.. workers, .. launcher]], journal, ["--replicas", "2"], copies: 2);
        return new ElasticCluster(cluster, launched);
    }

    /// <summary>An operator's own commands, which leave the same marks as the local launcher.</summary>
    private static string[] WithCommands(string folder, string[] options)
    {
        string start = Path.Combine(folder, "start.sh"), stop = Path.Combine(folder, "stop.sh");
        string[] launcher = ["--launcher", "command", "--start-node-command", $"sh {start}", "--stop-node-command", $"sh {stop}"];
        string quoted = string.Join(' ', ((string[])[.. options, .. launcher]).Select(o => $"'{o}'"));
        File.WriteAllText(start, $"""
            seeds=$(echo "$PANGU_SEED_NODES" | sed 's/^/--seed-node /; s/,/ --seed-node /g')
            '{Repository.Pangu}' serve --node-id "$PANGU_NODE_ID" --data '{folder}'/"$PANGU_NODE_ID" --fetch-rate 1MiB --kv-memory 256MiB --threads 1 \
                --grpc 127.0.0.1:0 --http 127.0.0.1:0 --cluster 127.0.0.1:0 $seeds {quoted} </dev/null >'{folder}'/"$PANGU_NODE_ID".log 2>&1 &
            awk '{"{"}print $1, $22{"}"}' /proc/$!/stat >'{folder}'/"$PANGU_NODE_ID".process
            """);
        File.WriteAllText(stop, $"""
            set -- $(cat '{folder}'/"$PANGU_NODE_ID".process)
            [ "$(awk '{"{"}print $22{"}"}' /proc/"$1"/stat)" != "$2" ] || kill "$1"
            rm -rf '{folder}'/"$PANGU_NODE_ID"
            """);
        return launcher;
    }

    public Task<ClusterState> SeeAsync() => _cluster.Nodes[0].Client.GetClusterAsync();

    public static bool IsBusy(ClusterState state) => state.Operations.Any(o => o.State == Operation.Types.State.Running);

    /// <summary>Scales, and waits until everything is as it should be.</summary>
    public async Task ScaleAsync(int nodes)
    {
        var ended = await Begin(nodes).EndAsync(Limit);
        if (ended.Code != 0)
            throw new InvalidOperationException($"scale {nodes} ended with {ended.Code}: {ended.Error}{ended.Output}{await PictureAsync()}");
        await HealthyAsync();
    }

    public RunningProgram Begin(int nodes) => RunningProgram.Pangu("scale", Text(nodes), "--yes", "--server", Gateway);

    /// <summary>Looks until the cluster is at a point, or no operation runs any more.</summary>
    /// <returns>What the point's finder found; null: the cluster was never seen there.</returns>
    public async Task<string?> FindAsync(Func<ClusterState, string?> point)
    {
        bool begun = false;
        long start = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(start) < Limit)
        {
            var state = await SeeAsync();
            if (point(state) is { } found)
                return found;
            if (begun && !IsBusy(state))
                return null;
            begun |= IsBusy(state);
            await Task.Delay(Glance);
        }
        return null;
    }

    /// <summary>No operation runs, every node is up, every group has two copies that are ready.</summary>
    public Task HealthyAsync() => Wait.UntilAsync(
        async () =>
        {
            try
            {
                var state = await SeeAsync();
                return state.Ready && !IsBusy(state) && state.Nodes.All(n => n.Status == "Up")
                    && state.Groups.All(g => g.Replicas.Count == 2 && g.Replicas.All(r => r.State == "Ready"));
            }
            catch (RpcException)
            {
                return false;
            }
        },
        Limit, () => PictureAsync().GetAwaiter().GetResult());

    public async Task<string> PictureAsync() => (await RunningProgram.RunPanguAsync("status", "--server", Gateway)).Output
        + (await RunningProgram.RunPanguAsync("groups", "--server", Gateway)).Output
        + (await RunningProgram.RunPanguAsync("operations", "--server", Gateway)).Output
        + (await RunningProgram.RunPanguAsync("events", "--server", Gateway)).Output;

    public void Kill(string nodeId)
    {
        if (ProcessMark.Parse(Read(nodeId)) is { } launched)
        {
            Signals.Send("KILL", launched.Id);
            return;
        }
        int node = _cluster.Nodes.ToList().FindIndex(n => nodeId == "node-" + n.Cluster[(n.Cluster.LastIndexOf(':') + 1)..]);
        _cluster.Kill(node > 0 ? node : throw new ArgumentException($"{nodeId} is no node that may be killed", nameof(nodeId)));
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        foreach (string file in Directory.GetFiles(_launched, "*.process"))
            if (ProcessMark.Parse(File.ReadAllText(file)) is { IsAlive: true } left)
                Signals.Send("KILL", left.Id);
        Directory.Delete(_launched, recursive: true);
    }

    private string Read(string nodeId)
    {
        string file = Path.Combine(_launched, nodeId + ".process");
        return File.Exists(file) ? File.ReadAllText(file) : "";
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
