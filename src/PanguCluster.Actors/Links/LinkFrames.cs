using System.Buffers.Binary;
using System.Runtime.InteropServices;
using PanguCluster.Actors.Experts;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Links;

/// <summary>Payloads of dispatches and replies. Numbers are little-endian as on every machine this runs on; <see cref="LinkHeader"/> is explicit.</summary>
internal static class LinkFrames
{
    /// <summary>Header and payload of a dispatch into <paramref name="frame"/>; returns its length in bytes.</summary>
    public static int WriteDispatch(LinkLimits limits, LayerDispatch dispatch, ReadOnlySpan<int> groups, long attempt, byte[] frame)
    {
        int payload = limits.DispatchBytes(dispatch.Rows, groups.Length);
        new LinkHeader(LinkFrameKind.Dispatch, payload, dispatch.StepId, dispatch.Layer, attempt, dispatch.Rows, groups.Length).Write(frame);
        var to = frame.AsSpan(LinkHeader.Bytes);
        to = Put(to, MemoryMarshal.AsBytes(groups));
        to = Put(to, dispatch.ActivationRows);
        foreach (int g in groups)
        {
            to = Put(to, MemoryMarshal.AsBytes(dispatch.ExpertsOf(g)));
            to = Put(to, MemoryMarshal.AsBytes(dispatch.WeightsOf(g)));
        }
        return LinkHeader.Bytes + payload;
    }

    /// <summary>Reads a checked dispatch's payload straight into a slot; group ids go to <paramref name="groups"/>.</summary>
    /// <exception cref="LinkException">A group or expert id is out of range or out of order.</exception>
    public static void ReadDispatch(
        LinkLimits limits, in LinkHeader header, LinkSocket socket, Span<byte> scratch, LayerDispatch slot, Span<int> groups)
    {
        var payload = new PayloadReader(socket, scratch, header.PayloadBytes);
        payload.Read(MemoryMarshal.AsBytes(groups));
        CheckGroups(groups, limits.Groups);
        slot.StepId = header.Step;
        slot.Layer = header.Layer;
        slot.Rows = header.Rows;
        payload.Read(slot.Activations.AsSpan(0, header.Rows * limits.RowBytes));
        int perGroup = header.Rows * limits.Chosen;
        foreach (int g in groups)
        {
            var experts = slot.Experts.AsSpan(g * perGroup, perGroup);
            payload.Read(MemoryMarshal.AsBytes(experts));
            CheckExperts(experts, limits);
            payload.Read(MemoryMarshal.AsBytes(slot.Weights.AsSpan(g * perGroup, perGroup)));
        }
    }

    /// <summary>Header, (group, status) pairs; the outputs follow from the slot. Returns the length in bytes.</summary>
    public static int WriteReplyHead(
        LinkLimits limits, in LinkHeader dispatch, ReadOnlySpan<int> groups, ReadOnlySpan<ComputeStatus> status, Span<byte> head)
    {
        int done = 0;
        for (int i = 0; i < groups.Length; i++)
        {
            if (status[i] == ComputeStatus.Done)
                done++;
            BinaryPrimitives.WriteInt32LittleEndian(head[(LinkHeader.Bytes + i * 8)..], groups[i]);
            BinaryPrimitives.WriteInt32LittleEndian(head[(LinkHeader.Bytes + i * 8 + 4)..], (int)status[i]);
        }
        (dispatch with { Kind = LinkFrameKind.Reply, PayloadBytes = limits.ReplyBytes(dispatch.Rows, groups.Length, done) }).Write(head);
        return LinkHeader.Bytes + groups.Length * 8;
    }

    /// <exception cref="LinkException">The payload contradicts itself.</exception>
    public static void ReadReply(LinkLimits limits, in LinkHeader header, LinkSocket socket, Span<byte> scratch, LinkReply reply)
    {
        var payload = new PayloadReader(socket, scratch, header.PayloadBytes);
        Span<byte> pair = stackalloc byte[8];
        int done = 0;
        for (int i = 0; i < header.Groups; i++)
        {
            payload.Read(pair);
            reply.GroupIds[i] = BinaryPrimitives.ReadInt32LittleEndian(pair);
            int status = BinaryPrimitives.ReadInt32LittleEndian(pair[4..]);
            if (status is < (int)ComputeStatus.Done or > (int)ComputeStatus.Failed)
                throw new LinkException($"group status {status} is not known");
            reply.Status[i] = (ComputeStatus)status;
            if (reply.Status[i] == ComputeStatus.Done)
                done++;
        }
        CheckGroups(reply.GroupIds.AsSpan(0, header.Groups), limits.Groups);
        if (header.PayloadBytes != limits.ReplyBytes(header.Rows, header.Groups, done))
            throw new LinkException($"reply payload of {header.PayloadBytes} bytes does not fit {done} outputs of {header.Rows} rows");
        reply.Header = header;
        payload.Read(reply.Outputs.AsSpan(0, done * header.Rows * limits.OutputRowBytes));
    }

    private static void CheckGroups(ReadOnlySpan<int> groups, int limit)
    {
        int previous = -1;
        foreach (int g in groups)
        {
            if (g <= previous || g >= limit)
                throw new LinkException($"group {g} is not in 0..{limit - 1} or not in ascending order");
            previous = g;
        }
    }

    /// <summary>A kernel indexes weights with these ids: they are checked before any device sees them.</summary>
    private static void CheckExperts(ReadOnlySpan<int> experts, LinkLimits limits)
    {
        for (int row = 0; row < experts.Length; row += limits.Chosen)
        {
            int previous = -1;
            foreach (int e in experts.Slice(row, limits.Chosen))
            {
                if (e <= previous || e >= limits.ExpertsPerGroup)
                    throw new LinkException($"expert {e} is not in 0..{limits.ExpertsPerGroup - 1} or not in ascending order");
                previous = e;
            }
        }
    }

    private static Span<byte> Put(Span<byte> to, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(to);
        return to[bytes.Length..];
    }
}
