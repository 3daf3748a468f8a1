namespace PanguCluster.Chaos.Processes;

/// <summary>Where things lie.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string Nano { get; } = Path.Combine(Root, "models", "pangu-nano");

    public static string Protos { get; } = Path.Combine(Root, "src", "PanguCluster.Client", "Protos");

    public static string NodejsClient { get; } = Path.Combine(Root, "tests", "nodejs-client");

    public static string OpenAiClient { get; } = Path.Combine(Root, "tests", "openai-client");

    /// <summary>The executable under test, built beside the tests.</summary>
    public static string Pangu { get; } = Path.Combine(AppContext.BaseDirectory, "pangu");

    /// <summary>Packed models of this test run; removed when the run ends.</summary>
    public static string Data { get; } = MakeData();

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "PanguCluster.sln")))
            folder = folder.Parent;
        return folder.FullName;
    }

    private static string MakeData()
    {
        string folder = Directory.CreateTempSubdirectory("pangu-integration-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    }
}
