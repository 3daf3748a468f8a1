namespace PanguCluster.Actors.Tests.Nodes;

/// <summary>Fixtures of the repository, found from the test's own folder upwards.</summary>
public static class RepositoryFiles
{
    public static string Path(params string[] parts)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "PanguCluster.sln")))
                return System.IO.Path.Combine([folder.FullName, .. parts]);
        throw new DirectoryNotFoundException("PanguCluster.sln is in no folder above the tests");
    }
}
