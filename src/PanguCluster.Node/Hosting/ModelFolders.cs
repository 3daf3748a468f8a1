using System.Globalization;
using PanguCluster.Model.Packing;
using PanguCluster.Node.Console;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Hosting;

/// <summary>From the folder that the user names, or the cluster that the node joins, to the model that is served.</summary>
public static class ModelFolders
{
    /// <summary>The packed form of the model with the KV cache that is wanted; packs it on first use or fetches what lacks of the cluster's, and says so.</summary>
    /// <exception cref="ModelFormatException">The folder holds no model that can be served; names file and field.</exception>
    /// <exception cref="OptionException">The cluster serves another format or KV cache than the options want.</exception>
    /// <exception cref="CommandFailedException">The cluster's model cannot be had.</exception>
    public static async Task<PackedModel> PackedAsync(ServeOptions options, TextWriter error, CancellationToken stop)
    {
        if (options.Model is not { } folder)
            return await ClusterModel.GetAsync(options, error, stop).ConfigureAwait(false);
        string cache = Path.Combine(options.Data, "models");
        var model = await Task.Run(() => ModelLocator.Resolve(folder, options.Format, cache, new Lines(folder, error), stop), stop)
            .ConfigureAwait(false);
        return model.WithKvCache(options.Kv);
    }

    /// <summary>Tells every tenth of the way: a line is readable in a log too.</summary>
    private sealed class Lines(string model, TextWriter error) : IProgress<PackProgress>
    {
        private int _told = -1;

        public void Report(PackProgress value)
        {
            int tenth = value.Total == 0 ? 10 : (int)(10 * value.Written / value.Total);
            if (tenth <= _told)
                return;
            _told = tenth;
            error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"pangu: packing {model} for first use: {tenth * 10} %"));
        }
    }
}
