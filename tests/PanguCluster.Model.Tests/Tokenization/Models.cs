namespace PanguCluster.Model.Tests.Tokenization;

/// <summary>Folders of the models in the repository, found by walking up from the test's folder.</summary>
internal static class Models
{
    public static string Nano { get; } = Find("models/pangu-nano");
    public static string TinyA { get; } = Find("models/golden/tiny-a");
    public static string TinyC { get; } = Find("models/golden/tiny-c");

    private static string Find(string path)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "PanguCluster.sln")))
                return Path.Combine(folder.FullName, path);
        throw new InvalidOperationException("no folder with PanguCluster.sln above the tests");
    }
}
