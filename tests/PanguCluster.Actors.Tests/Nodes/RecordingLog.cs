using System.Collections.Concurrent;
using Akka.Event;

namespace PanguCluster.Actors.Tests.Nodes;

/// <summary>Keeps what is logged.</summary>
public sealed class RecordingLog() : LoggingAdapterBase(DefaultLogMessageFormatter.Instance)
{
    private readonly ConcurrentQueue<string> _lines = new();

    public IReadOnlyCollection<string> Lines => _lines;

    public override bool IsDebugEnabled => true;
    public override bool IsInfoEnabled => true;
    public override bool IsWarningEnabled => true;
    public override bool IsErrorEnabled => true;

    protected override void NotifyLog(LogLevel logLevel, object message, Exception? cause = null) => _lines.Enqueue($"{logLevel}: {message}");
}
