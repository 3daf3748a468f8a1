namespace PanguCluster.Node.Local;

/// <summary>How to start this very program again.</summary>
public static class Self
{
    /// <summary>Program and leading arguments: the executable, or <c>dotnet pangu.dll</c> when it was started that way.</summary>
    public static (string Program, IReadOnlyList<string> Arguments) Command()
    {
        string program = Environment.ProcessPath ?? throw new InvalidOperationException("This process does not know its own path.");
        return IsDotnet(program) ? (program, [typeof(Self).Assembly.Location]) : (program, []);
    }

    /// <summary>What a user types to run this program from the current folder.</summary>
    public static string Typed()
    {
        var (program, arguments) = Command();
        if (arguments.Count > 0)
            return "dotnet " + Shortest(arguments[0]);
        string folder = Path.GetDirectoryName(program) ?? "";
        bool onPath = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Contains(folder);
        return onPath ? Path.GetFileName(program) : Shortest(program);
    }

    private static bool IsDotnet(string program) => Path.GetFileNameWithoutExtension(program) == "dotnet";

    private static string Shortest(string file)
    {
        string relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), file);
        return relative.StartsWith("..", StringComparison.Ordinal) ? file : "./" + relative;
    }
}
