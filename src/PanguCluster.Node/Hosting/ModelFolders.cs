using System.Globalization;
using PanguCluster.Model.Packing;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Hosting;

/// <summary>From the folder that the user names to the model that is served.</summary>
public static class ModelFolders
{
    /// <summary>The packed form of the model with the KV cache that is wanted; packs it on first use, and says so.</summary>
    /// <exception cref="ModelFormatException">The folder holds no model that can be served; names file and field.</exception>
    public static async Task<PackedModel> PackedAsync(ServeOptions options, TextWriter error, CancellationToken stop)
    {
        string cache = Path.Combine(options.Data, "models");
        var model = await Task.Run(() => ModelLocator.Resolve(options.Model, options.Format, cache, new Lines(options.Model, error), stop), stop)
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
