namespace PanguCluster.Model.Tests.Fixtures;

/// <summary>Files of the repository, found by walking up from the test's own folder.</summary>
internal static class RepositoryFolder
{
    private static readonly Lazy<string> _root = new(FindRoot);

    public static string Path(params string[] parts) => System.IO.Path.Combine([_root.Value, .. parts]);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "PanguCluster.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException($"no folder above {AppContext.BaseDirectory} holds PanguCluster.sln");
    }
}
