using System.Buffers.Binary;

namespace PanguCluster.Actors.Links;

public enum LinkFrameKind
{
    Hello = 1,
    Welcome = 2,
    Refused = 3,
    Dispatch = 4,
    Reply = 5,
    Heartbeat = 6,

    /// <summary>Bytes of a file from offset <see cref="LinkHeader.Step"/> on.</summary>
    FileChunk = 7,
}

/// <summary>The 48 bytes before every payload, little-endian: magic, version, kind, payload bytes, layer, step, attempt, rows, groups, 0.</summary>
public readonly record struct LinkHeader(
    LinkFrameKind Kind, int PayloadBytes, long Step = 0, int Layer = 0, long Attempt = 0, int Rows = 0, int Groups = 0)
{
    public const int Bytes = 48;
    public const uint Magic = 0x4b4c4750; // "PGLK"
    public const int Version = 1;
    public const int MaxHandshakeBytes = 1024;

    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(to[4..], Version);
        BinaryPrimitives.WriteUInt16LittleEndian(to[6..], (ushort)Kind);
        BinaryPrimitives.WriteInt32LittleEndian(to[8..], PayloadBytes);
        BinaryPrimitives.WriteInt32LittleEndian(to[12..], Layer);
        BinaryPrimitives.WriteInt64LittleEndian(to[16..], Step);
        BinaryPrimitives.WriteInt64LittleEndian(to[24..], Attempt);
        BinaryPrimitives.WriteInt32LittleEndian(to[32..], Rows);
        BinaryPrimitives.WriteInt32LittleEndian(to[36..], Groups);
        BinaryPrimitives.WriteInt64LittleEndian(to[40..], 0);
    }

    /// <summary>Reads what can be judged without knowing the model.</summary>
    /// <exception cref="LinkException">Not a frame of this protocol.</exception>
    public static LinkHeader Read(ReadOnlySpan<byte> from)
    {
        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(from);
        if (magic != Magic)
            throw new LinkException($"frame magic is 0x{magic:x8}, expected 0x{Magic:x8}");
        int version = BinaryPrimitives.ReadUInt16LittleEndian(from[4..]);
        if (version != Version)
            throw new LinkException($"link protocol version is {version}, this node speaks {Version}");
        int kind = BinaryPrimitives.ReadUInt16LittleEndian(from[6..]);
        if (kind is < (int)LinkFrameKind.Hello or > (int)LinkFrameKind.FileChunk)
            throw new LinkException($"frame kind {kind} is not known");
        if (BinaryPrimitives.ReadInt64LittleEndian(from[40..]) != 0)
            throw new LinkException("reserved frame bytes are not 0");
        var header = new LinkHeader(
            (LinkFrameKind)kind,
            BinaryPrimitives.ReadInt32LittleEndian(from[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[12..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[24..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[32..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[36..]));
        if (header.PayloadBytes < 0)
            throw new LinkException($"frame payload of {header.PayloadBytes} bytes");
        return header;
    }

    /// <exception cref="LinkException">A field of a dispatch or reply is outside the model's limits.</exception>
    public void CheckExchange(LinkLimits limits)
    {
        if (Layer < 0 || Layer >= limits.Layers)
            throw new LinkException($"layer {Layer} is not in 0..{limits.Layers - 1}");
        if (Rows < 1 || Rows > limits.MaxRows)
            throw new LinkException($"rows {Rows} are not in 1..{limits.MaxRows}");
        if (Groups < 1 || Groups > limits.Groups)
            throw new LinkException($"groups {Groups} are not in 1..{limits.Groups}");
        int exact = limits.DispatchBytes(Rows, Groups);
        if (Kind == LinkFrameKind.Dispatch && PayloadBytes != exact)
            throw new LinkException($"dispatch payload of {PayloadBytes} bytes, {Rows} rows for {Groups} groups take {exact}");
        if (Kind == LinkFrameKind.Reply && (PayloadBytes < limits.ReplyBytes(Rows, Groups, 0) || PayloadBytes > limits.ReplyBytes(Rows, Groups, Groups)))
            throw new LinkException($"reply payload of {PayloadBytes} bytes does not fit {Rows} rows of {Groups} groups");
    }
}

/// <summary>This link cannot go on; the message says why. Ends the link, never the node.</summary>
public sealed class LinkException : Exception
{
    public LinkException(string message) : base(message) { }
    public LinkException(string message, Exception inner) : base(message, inner) { }

    /// <summary>The peer's considered refusal, as opposed to a fault: trying again at once is pointless.</summary>
    public bool Refused { get; init; }

    /// <summary>A refusal that will not last: the peer has as much to do as it takes on.</summary>
    public bool Busy { get; init; }

    /// <summary>What it says of the peer's process.</summary>
    public PeerLoss Loss { get; init; }

    /// <summary>The peer closed between two frames, as it does when it stops.</summary>
    public bool Orderly { get; init; }
}
