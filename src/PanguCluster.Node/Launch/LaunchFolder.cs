namespace PanguCluster.Node.Launch;

/// <summary>The folder of one local cluster, for as long as that lives: what is known of the nodes that its nodes have started.</summary>
public sealed class LaunchFolder : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pangu-up-");

    public string Path => _folder.FullName;

    /// <summary>Completes when no node that was started lives.</summary>
    public async Task EmptyAsync(CancellationToken stop)
    {
        while (Alive().Count > 0)
            await Task.Delay(Poll, stop).ConfigureAwait(false);
    }

    /// <summary>Stops every node that was started.</summary>
    public Task StopAsync()
    {
        var launcher = new LocalLauncher([], Path, startNice: 0, TimeProvider.System);
        return Task.WhenAll(Alive().Select(node => launcher.StopAsync(node, CancellationToken.None)));
    }

    public void Dispose()
    {
        try
        {
            _folder.Delete(recursive: true);
        }
        catch (IOException)
        {
            // Somebody still writes a last line; the temporary folder is cleared by the system.
        }
    }

    private List<string> Alive() =>
    [
        .. _folder.GetFiles("*" + LocalLauncher.MarkSuffix).Where(f => ProcessMark.Parse(File.ReadAllText(f.FullName)) is { IsAlive: true })
            .Select(f => System.IO.Path.GetFileNameWithoutExtension(f.Name)),
    ];
}
