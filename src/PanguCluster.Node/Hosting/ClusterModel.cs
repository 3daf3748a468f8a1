using System.Globalization;
using PanguCluster.Actors.Weights;
using PanguCluster.Model.Packing;
using PanguCluster.Node.Console;
using PanguCluster.Node.Options;
using PanguCluster.Node.Security;

namespace PanguCluster.Node.Hosting;

/// <summary>The model of the cluster that a node joins, fetched into its data folder as far as it is not there.</summary>
public static class ClusterModel
{
    private const double MiB = 1 << 20;

    /// <summary>Where files that come from other nodes are put, and how fast they may come.</summary>
    public static FetchOptions Fetch(ServeOptions options) => new()
    {
        Folder = Path.Combine(Path.GetFullPath(options.Data), "fetched"), BytesPerSecond = options.FetchRate,
    };

    /// <summary>Tells every tenth of the way on <paramref name="error"/>.</summary>
    /// <exception cref="ModelFormatException">This build cannot run the cluster's model.</exception>
    /// <exception cref="OptionException">The cluster serves another format or KV cache than the options want.</exception>
    /// <exception cref="CommandFailedException">No seed answers, or no node gives a file.</exception>
    public static async Task<PackedModel> GetAsync(ServeOptions options, TextWriter error, CancellationToken stop)
    {
        string self = options.Advertise is { } host ? string.Create(CultureInfo.InvariantCulture, $"{host}:{options.Cluster.Port}") : options.Cluster.ToString();
        string[] seeds = [.. options.SeedNodes.Where(s => s != self)];
        if (seeds.Length == 0)
            throw new OptionException("--seed-node: names only this node, which cannot ask itself for a model; say with --model which one to serve");
        await error.WriteLineAsync($"pangu: asking {string.Join(", ", seeds)} for the cluster's model").ConfigureAwait(false);
        var settings = new JoinSettings(
            options.NodeId, seeds, options.Cluster.Host, options.Advertise, NodeSecurity.Cluster(options.Security), Fetch(options), options.HasRole("decoder"));
        var lines = new Lines(error, TimeProvider.System);
        JoinedModel joined;
        try
        {
            joined = await ModelJoin.GetAsync(settings, lines.Report, TimeProvider.System, stop).ConfigureAwait(false);
        }
        catch (GroupFileException failed)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"the cluster's model cannot be had: {failed.Message}", failed);
        }
        var manifest = joined.Model.Manifest;
        MustBe("--format", options.Format is { } format && format != manifest.Format, ManifestJson.NameOf(manifest.Format));
        MustBe("--kv", options.Kv is { } kv && kv != manifest.KvCache, KvTypes.NameOf(manifest.KvCache));
        await error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
            $"pangu: has {manifest.Name} of the cluster, {joined.Received} bytes fetched, {joined.Took.TotalSeconds:0.00} s after it asked; its groups come as the node is given them"))
            .ConfigureAwait(false);
        return joined.Model;
    }

    private static void MustBe(string option, bool other, string served)
    {
        if (other)
            throw new OptionException($"{option}: the cluster's model is {served}; leave the option out, or name a model of your own with --model");
    }

    /// <summary>A line is readable in a log too.</summary>
    private sealed class Lines(TextWriter error, TimeProvider time)
    {
        private long _start;
        private long _first = -1;
        private int _told = -1;

        public void Report(JoinProgress value)
        {
            if (_first < 0)
                (_first, _start) = (value.Here, time.GetTimestamp());
            int tenth = (int)(10 * value.Here / Math.Max(1, value.Total));
            if (tenth <= _told)
                return;
            _told = tenth;
            double rate = (value.Here - _first) / MiB / Math.Max(1e-3, time.GetElapsedTime(_start).TotalSeconds);
            error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"pangu: fetching {value.Model} from the cluster: {tenth * 10} %, {value.Here / MiB:0.0} of {value.Total / MiB:0.0} MiB, {rate:0} MiB/s"));
        }
    }
}
