using PanguCluster.Actors.Links;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Weights;

/// <summary>
/// One file on its way here, from whichever peers have it: goes on where a broken connection or an earlier process left off, and is in its final place only
/// with the manifest's digest. Blocking: to be run on a thread of its own.
/// </summary>
/// <param name="peers">Who may have the file, asked anew each round.</param>
/// <param name="rate">Null: no limit.</param>
internal sealed class FileFetch(
    PackedFile file, string folder, Func<IReadOnlyList<FilePeer>> peers, FileLinks links, FetchOptions options, TokenBucket? rate,
    Action<long> progress, CancellationToken cancellation)
{
    private readonly HashSet<string> _liars = [];
    private readonly Dictionary<string, string> _reasons = [];
    private readonly byte[] _chunk = GC.AllocateUninitializedArray<byte>(FetchOptions.ChunkBytes);
    private readonly SortedSet<string> _givers = new(StringComparer.Ordinal);
    private int _damaged;
    private bool _busy;

    /// <summary>Bytes that came from peers, also those that came in vain.</summary>
    public long Received { get; private set; }

    /// <summary>Nodes they came from.</summary>
    public IReadOnlyCollection<string> Givers => _givers;

    /// <exception cref="GroupFileException">No peer gives it whole and undamaged within the bounds, or the disk does not take it.</exception>
    public void Run()
    {
        try
        {
            using var partial = PartialFile.Open(folder, file, cancellation);
            if (partial is not null)
                Fetch(partial);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GroupFileException($"{file.Name} cannot be written to {folder}: {e.Message}", e);
        }
    }

    private void Fetch(PartialFile partial)
    {
        if (partial.IsWhole && partial.Finish() is null)
            return;
        int idle = 0;
        while (true)
        {
            long before = partial.Length;
            _busy = false;
            foreach (var peer in peers().Where(p => !_liars.Contains(p.NodeId)))
            {
                if (TryFrom(peer, partial))
                    return;
                cancellation.ThrowIfCancellationRequested();
            }
            if (_damaged >= options.MaxDamaged)
                throw Hopeless();
            idle = partial.Length > before ? 0 : idle + 1;
            // A peer that is busy has the file and says when to come again: not now.
            if (idle >= options.MaxRounds && !_busy)
                throw Hopeless();
            if (idle > 0)
                Wait(TimeSpan.FromTicks(Math.Min(options.MaxWait.Ticks, options.MinWait.Ticks << Math.Min(idle - 1, 20))));
        }
    }

    /// <returns>Whether the file is whole and in its place.</returns>
    private bool TryFrom(FilePeer peer, PartialFile partial)
    {
        long start = partial.Length;
        try
        {
            Receive(peer, partial);
        }
        catch (LinkException e)
        {
            _reasons[peer.NodeId] = e.Message;
            _busy |= e.Busy;
            return false;
        }
        if (partial.Finish() is not { } digest)
            return true;
        _reasons[peer.NodeId] = $"SHA-256 is {digest}, the manifest says {file.Sha256}";
        _damaged++;
        // Of a file that several peers gave, or an earlier process left, nobody knows whose bytes are wrong: the next try is from the front.
        if (start == 0)
            _liars.Add(peer.NodeId);
        return false;
    }

    private void Receive(FilePeer peer, PartialFile partial)
    {
        using var socket = links.Ask(peer, file, partial.Length);
        using var stop = cancellation.Register(socket.Dispose);
        using var deadline = new Timer(_ => socket.Dispose(), null, Timeout.Infinite, Timeout.Infinite);
        socket.SetSilence(options.ChunkDeadline);
        while (!partial.IsWhole)
        {
            deadline.Change(options.ChunkDeadline, Timeout.InfiniteTimeSpan);
            var header = socket.ReceiveHeader();
            if (header.Kind != LinkFrameKind.FileChunk)
                throw new LinkException($"expected a chunk of {file.Name}, got {header.Kind}");
            if (header.Step != partial.Length)
                throw new LinkException($"chunk of {file.Name} at {header.Step}, expected {partial.Length}");
            if (header.PayloadBytes < 1 || header.PayloadBytes > Math.Min(_chunk.Length, file.Bytes - partial.Length))
                throw new LinkException($"chunk of {header.PayloadBytes} bytes, {file.Name} lacks {file.Bytes - partial.Length}, the limit is {_chunk.Length}");
            var bytes = _chunk.AsSpan(0, header.PayloadBytes);
            socket.Receive(bytes);
            partial.Append(bytes);
            Received += bytes.Length;
            _givers.Add(peer.NodeId);
            progress(partial.Length);
            if (rate?.Take(bytes.Length) is { Ticks: > 0 } debt)
            {
                deadline.Change(Timeout.Infinite, Timeout.Infinite);
                Wait(debt);
            }
        }
    }

    private void Wait(TimeSpan time)
    {
        cancellation.WaitHandle.WaitOne(time);
        cancellation.ThrowIfCancellationRequested();
    }

    private GroupFileException Hopeless() => new(_reasons.Count == 0
        ? $"{file.Name} is not here, and no peer that can be reached has it"
        : $"{file.Name} cannot be had: {string.Join("; ", _reasons.Select(r => $"from node {r.Key}: {r.Value}"))}");
}
