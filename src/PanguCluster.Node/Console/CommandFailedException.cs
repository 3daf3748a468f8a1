namespace PanguCluster.Node.Console;

/// <summary>Ends a verb: its message is the one line on stderr, so it says what is wrong and what to do.</summary>
public sealed class CommandFailedException(int exitCode, string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>One of <see cref="ExitCodes"/>.</summary>
    public int ExitCode { get; } = exitCode;
}
