using PanguCluster.Actors.Events;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Weights;

/// <summary>Fetches group files into the model's second folder.</summary>
/// <param name="peersWith">Nodes that have a group's file.</param>
internal sealed class GroupFiles(
    PackedModel model, FetchOptions options, FileLinks links, Func<int, IReadOnlyList<FilePeer>> peersWith, IClusterEvents events, TimeProvider time)
    : IGroupFiles
{
    private readonly object _gate = new();
    private readonly Dictionary<int, Shared> _running = [];
    private readonly TokenBucket? _rate = options.BytesPerSecond is { } limit ? new TokenBucket(limit, time) : null;

    public bool Has(int group) => model.HasGroup(group);

    public bool RemoveDamaged(int group)
    {
        string name = PackedModel.GroupFileName(group);
        return model.InFetchedFolder(name) && PartialFile.RemoveDamaged(model.FetchedFolder!, model.Entry(name), CancellationToken.None);
    }

    public async Task EnsureAsync(int group, Action<long> progress, CancellationToken cancellation)
    {
        if (Has(group))
            return;
        string name = PackedModel.GroupFileName(group);
        if (model.FetchedFolder is not { } folder)
            throw new GroupFileException($"{model.PathOf(name)}: no such file, and this node has no folder for fetched ones");
        Shared shared;
        lock (_gate)
        {
            if (!_running.TryGetValue(group, out shared!) || !shared.TryJoin(progress))
                _running[group] = shared = new Shared(progress, s => Run(group, folder, s));
        }
        try
        {
            await shared.Ended.WaitAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            shared.Leave(progress);
        }
    }

    private void Run(int group, string folder, Shared shared)
    {
        long start = time.GetTimestamp();
        try
        {
            var fetch = new FileFetch(
                model.Entry(PackedModel.GroupFileName(group)), folder, () => peersWith(group), links, options, _rate, shared.Report, shared.Stopping);
            fetch.Run();
            // Nothing came if another process of this machine has fetched it into the same folder.
            if (fetch.Received > 0)
                events.Record(
                    ClusterEventKind.FileFetched, FormattableString.Invariant($"group {group}"),
                    FormattableString.Invariant($"{fetch.Received} bytes from {string.Join(", ", fetch.Givers)}"), time.GetElapsedTime(start));
        }
        finally
        {
            lock (_gate)
                if (_running.GetValueOrDefault(group) == shared)
                    _running.Remove(group);
        }
    }

    /// <summary>One transfer and those who wait for it.</summary>
    private sealed class Shared
    {
        private readonly object _gate = new();
        private readonly List<Action<long>> _waiting;
        private readonly CancellationTokenSource _stop = new();

        public Shared(Action<long> progress, Action<Shared> run)
        {
            _waiting = [progress];
            Ended = Task.Factory.StartNew(() => run(this), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        public Task Ended { get; }
        public CancellationToken Stopping => _stop.Token;

        /// <returns>False: the last one has left, and the transfer is ending.</returns>
        public bool TryJoin(Action<long> progress)
        {
            lock (_gate)
            {
                if (_waiting.Count == 0)
                    return false;
                _waiting.Add(progress);
                return true;
            }
        }

        public void Leave(Action<long> progress)
        {
            lock (_gate)
            {
                _waiting.Remove(progress);
                if (_waiting.Count == 0)
                    _stop.Cancel();
            }
        }

        public void Report(long bytes)
        {
            Action<long>[] waiting;
            lock (_gate)
                waiting = [.. _waiting];
            foreach (var progress in waiting)
                progress(bytes);
        }
    }
}
