namespace PanguCluster.Node.Hosting;

/// <summary>The cluster's wish that this node leaves it and ends.</summary>
public sealed class NodeExit : IDisposable
{
    private readonly CancellationTokenSource _asked = new();
    private string _reason = "";
    private bool _refused;

    /// <summary>Cancelled when the node is to leave.</summary>
    public CancellationToken Asked => _asked.Token;

    /// <summary>Why; empty before.</summary>
    public string Reason => Volatile.Read(ref _reason);

    /// <summary>Whether the node is not to be in the cluster at all, rather than empty by now.</summary>
    public bool IsRefused => Volatile.Read(ref _refused);

    /// <summary>The node has been emptied. May be called more than once; returns at once.</summary>
    public void Leave(string reason) => End(reason);

    /// <summary>The node cannot stay, whatever it holds. May be called more than once; returns at once.</summary>
    public void Refuse(string reason)
    {
        Volatile.Write(ref _refused, true);
        End(reason);
    }

    private void End(string reason)
    {
        if (Interlocked.CompareExchange(ref _reason, reason, "").Length == 0)
            _ = _asked.CancelAsync();
    }

    public void Dispose() => _asked.Dispose();
}
