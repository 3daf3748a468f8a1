using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client;
using PanguCluster.Node.Console;

namespace PanguCluster.Node.Local;

/// <summary>The nodes of one machine as child processes: started together, watched, stopped together.</summary>
public sealed class LocalCluster : IDisposable
{
    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(100);

    private readonly IReadOnlyList<NodeChild> _children;
    private readonly TimeProvider _time;

    private LocalCluster(IReadOnlyList<NodeChild> children, TimeProvider time)
    {
        _children = children;
        _time = time;
    }

    public IReadOnlyList<NodeChild> Children => _children;

    public static LocalCluster Start(IReadOnlyList<LocalNode> nodes, TimeProvider time)
    {
        var children = new List<NodeChild>();
        try
        {
            foreach (var node in nodes)
                children.Add(NodeChild.Start(node));
            return new LocalCluster(children, time);
        }
        catch
        {
            children.ForEach(child => child.Kill());
            throw;
        }
    }

    /// <summary>Waits until every node sees all nodes up and all groups ready.</summary>
    /// <param name="progress">Told whenever the picture changes.</param>
    /// <exception cref="CommandFailedException">A node ended, or the limit passed.</exception>
    public async Task WaitReadyAsync(TimeSpan limit, Action<string> progress, CancellationToken stop)
    {
        using var late = new CancellationTokenSource(limit, _time);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop, late.Token);
        var waiting = _children.ToList();
        string last = "";
        try
        {
            while (waiting.Count > 0)
            {
                if (_children.FirstOrDefault(c => c.HasExited) is { } dead)
                    throw new CommandFailedException(ExitCodes.Failed, dead.Obituary());
                var state = await AskAsync(waiting[0], ends.Token).ConfigureAwait(false);
                if (state is not null && IsComplete(state))
                {
                    waiting.RemoveAt(0);
                    continue;
                }
                string picture = Picture(state);
                if (picture != last)
                    progress(picture);
                last = picture;
                await Task.Delay(PollPeriod, _time, ends.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            throw new CommandFailedException(ExitCodes.TimedOut, $"the cluster was not ready after {limit.TotalSeconds:0} s: {last}; raise --timeout");
        }
    }

    /// <summary>Waits for the end of any node that has not been seen to end yet, and returns it; null when all have ended.</summary>
    public async Task<NodeChild?> NextEndAsync(ICollection<NodeChild> seen, CancellationToken stop)
    {
        var alive = _children.Except(seen).ToDictionary(c => c.EndedAsync(stop));
        if (alive.Count == 0)
            return null;
        var ended = await Task.WhenAny(alive.Keys).ConfigureAwait(false);
        await ended.ConfigureAwait(false);
        seen.Add(alive[ended]);
        return alive[ended];
    }

    /// <summary>Asks all nodes to stop, and kills those that have not after the limit.</summary>
    public async Task StopAsync(TimeSpan limit, Action<string> report)
    {
        foreach (var child in _children)
            child.RequestStop();
        using var late = new CancellationTokenSource(limit, _time);
        try
        {
            await Task.WhenAll(_children.Select(c => c.EndedAsync(late.Token))).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            foreach (var child in _children.Where(c => !c.HasExited))
            {
                report($"{child.Node.Id} (process {child.ProcessId}) did not stop within {limit.TotalSeconds:0} s: killed");
                child.Kill();
            }
            await Task.WhenAll(_children.Select(c => c.EndedAsync())).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        foreach (var child in _children)
        {
            if (!child.HasExited)
                child.Kill();
            child.Dispose();
        }
    }

    private static async Task<ClusterState?> AskAsync(NodeChild child, CancellationToken stop)
    {
        using var client = new PanguClient(new PanguClientOptions { StartLimit = TimeSpan.Zero }, child.Node.Grpc.ToString());
        try
        {
            return await client.GetClusterAsync(stop).ConfigureAwait(false);
        }
        catch (RpcException) when (!stop.IsCancellationRequested)
        {
            return null;
        }
        catch (RpcException)
        {
            throw new OperationCanceledException(stop);
        }
    }

    private bool IsComplete(ClusterState state) => state.Ready && state.Nodes.Count(n => n.Status == "Up") == _children.Count;

    private string Picture(ClusterState? state) => state is null
        ? $"starting {_children.Count} {(_children.Count == 1 ? "node" : "nodes")}"
        : $"{state.Nodes.Count(n => n.Status == "Up")} of {_children.Count} nodes up, "
            + $"{state.Groups.Count(g => g.State == "Ready")} of {state.Groups.Count} groups ready"
            + (state.Groups.Select(g => g.Detail).Concat(state.Nodes.Select(n => n.Detail)).FirstOrDefault(d => d.Length > 0) is { } why ? ": " + why : "");
}
