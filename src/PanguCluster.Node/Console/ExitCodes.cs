namespace PanguCluster.Node.Console;

/// <summary>What the process returns; a public contract.</summary>
public static class ExitCodes
{
    public const int Done = 0;

    /// <summary>The operation failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line, the options file or a request is wrong.</summary>
    public const int Usage = 2;

    /// <summary>The cluster cannot be reached.</summary>
    public const int Unreachable = 3;

    /// <summary>The cluster refuses: overload, or an act that would do harm.</summary>
    public const int Refused = 4;

    public const int TimedOut = 5;
}
