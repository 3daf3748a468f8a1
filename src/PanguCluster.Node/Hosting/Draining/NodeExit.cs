namespace PanguCluster.Node.Hosting;

/// <summary>The cluster's wish that this node, empty by now, leaves it and ends.</summary>
public sealed class NodeExit : IDisposable
{
    private readonly CancellationTokenSource _asked = new();
    private string _reason = "";

    /// <summary>Cancelled when the node is to leave.</summary>
    public CancellationToken Asked => _asked.Token;

    /// <summary>Why; empty before.</summary>
    public string Reason => Volatile.Read(ref _reason);

    /// <summary>May be called more than once; returns at once.</summary>
    public void Leave(string reason)
    {
        if (Interlocked.CompareExchange(ref _reason, reason, "").Length == 0)
            _ = _asked.CancelAsync();
    }

    public void Dispose() => _asked.Dispose();
}
