namespace PanguCluster.Model.Tokenization;

/// <summary>Walks the fields of one protobuf message without a schema. A malformed message ends the walk with <see cref="Failed"/>.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    private readonly ReadOnlySpan<byte> _message = message;

    public int Position { get; private set; }
    public bool Failed { get; private set; }
    public int Field { get; private set; }

    /// <summary>Whether the field is length-delimited; its content is in <see cref="Bytes"/>.</summary>
    public bool IsBytes { get; private set; }

    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>The value of a varint field.</summary>
    public ulong Number { get; private set; }

    public bool Next()
    {
        if (Failed || Position == _message.Length)
            return false;
        if (!Varint(out ulong tag) || tag >> 3 is 0 or > int.MaxValue)
            return Fail();
        Field = (int)(tag >> 3);
        Bytes = default;
        Number = 0;
        IsBytes = false;
        switch (tag & 7)
        {
            case 0:
                if (!Varint(out ulong number))
                    return Fail();
                Number = number;
                return true;
            case 1:
                return Skip(8);
            case 2:
                if (!Varint(out ulong length) || length > (ulong)(_message.Length - Position))
                    return Fail();
                Bytes = _message.Slice(Position, (int)length);
                IsBytes = true;
                return Skip((int)length);
            case 5:
                return Skip(4);
            default:
                return Fail();
        }
    }

    private bool Skip(int bytes)
    {
        if (bytes > _message.Length - Position)
            return Fail();
        Position += bytes;
        return true;
    }

    private bool Fail()
    {
        Failed = true;
        return false;
    }

    private bool Varint(out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 64 && Position < _message.Length; shift += 7)
        {
            byte next = _message[Position++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return true;
        }
        return false;
    }
}
