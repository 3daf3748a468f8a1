using Pangu.V1;

namespace PanguCluster.Node.Console;

/// <summary>The session's id and nothing else: what a script keeps of a detached request.</summary>
public sealed class SessionIdWriter(TextWriter output) : IAnswerWriter
{
    public Task WriteAsync(GenerateEvent happened) =>
        happened.Accepted is { } accepted ? output.WriteLineAsync(accepted.SessionId) : Task.CompletedTask;
}
