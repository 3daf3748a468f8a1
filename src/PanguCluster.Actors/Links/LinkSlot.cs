using PanguCluster.Actors.Experts;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Links;

/// <summary>Buffers and bookkeeping of one dispatch at the receiving end. Reused; each part belongs to one thread at a time.</summary>
internal sealed class LinkSlot : IComputeOwner
{
    private readonly LinkLimits _limits;
    private readonly LinkSession _session;
    private readonly LayerDispatch _buffer;
    private readonly ComputeRows[] _works;
    private readonly int[] _groups;
    private readonly ComputeStatus[] _status;
    private readonly byte[] _staging; // a dispatch's small parts; then a reply, if it fits: a larger one is not worth the copy
    private readonly object _gate = new();
    private LinkHeader _header;
    private int _remaining;

    public LinkSlot(Manifest manifest, LinkLimits limits, LinkSession session)
    {
        _limits = limits;
        _session = session;
        _buffer = new LayerDispatch(manifest, limits.MaxRows);
        _works = new ComputeRows[limits.Groups];
        for (int g = 0; g < _works.Length; g++)
            _works[g] = new ComputeRows(_buffer, g, this);
        _groups = new int[limits.Groups];
        _status = new ComputeStatus[limits.Groups];
        _staging = new byte[Math.Max(PayloadReader.ScratchBytes, LinkHeader.Bytes + limits.Groups * 8)];
    }

    /// <summary>Reader thread: takes a checked dispatch off the socket.</summary>
    public void Receive(in LinkHeader header, LinkSocket socket)
    {
        _header = header;
        LinkFrames.ReadDispatch(_limits, header, socket, _staging, _buffer, _groups.AsSpan(0, header.Groups));
    }

    /// <summary>Reader thread: tells the devices; groups without one are answered NotReady.</summary>
    public void Compute(LocalDevices devices)
    {
        // One more than there are groups, so that nothing is answered before every device has been told.
        Volatile.Write(ref _remaining, _header.Groups + 1);
        for (int i = 0; i < _header.Groups; i++)
        {
            int g = _groups[i];
            _status[i] = ComputeStatus.NotReady;
            if (devices[g] is not { } device)
            {
                CountDown();
                continue;
            }
            ComputeRows work;
            lock (_gate)
                work = _works[g];
            work.Send(device);
            if (devices[g] != device)
                RevokeOrphans(devices);
        }
        CountDown();
    }

    /// <summary>Any thread: groups whose device has gone before it began are answered NotReady.</summary>
    public void RevokeOrphans(LocalDevices devices)
    {
        for (int g = 0; g < _works.Length; g++)
        {
            lock (_gate)
            {
                var work = _works[g];
                if (work.Device is null || devices[g] == work.Device || !work.TryRevoke())
                    continue;
                _works[g] = new ComputeRows(_buffer, g, this);
            }
            CountDown();
        }
    }

    /// <summary>A device's thread.</summary>
    public void Completed(ComputeRows work)
    {
        int i = Array.IndexOf(_groups, work.Group, 0, _header.Groups);
        _status[i] = work.Status;
        CountDown();
    }

    /// <summary>Writer thread: one frame with all groups' outputs.</summary>
    public void SendReply(LinkSocket socket)
    {
        var groups = _groups.AsSpan(0, _header.Groups);
        int length = LinkFrames.WriteReplyHead(_limits, _header, groups, _status, _staging);
        int output = _buffer.OutputBytesPerGroup;
        bool whole = length + groups.Length * output <= _staging.Length;
        if (!whole)
            socket.Send(_staging.AsSpan(0, length));
        for (int i = 0; i < groups.Length; i++)
        {
            if (_status[i] != ComputeStatus.Done)
                continue;
            if (!whole)
            {
                socket.Send(_buffer.OutputOf(groups[i]));
                continue;
            }
            _buffer.OutputOf(groups[i]).CopyTo(_staging.AsSpan(length));
            length += output;
        }
        if (whole)
            socket.Send(_staging.AsSpan(0, length));
    }

    private void CountDown()
    {
        if (Interlocked.Decrement(ref _remaining) == 0)
            _session.Answered(this);
    }
}
