using System.Text;

namespace PanguCluster.Model.Tokenization;

/// <summary>
/// Text of a growing answer, a token at a time. A character whose bytes come in several tokens is given when its last byte is there;
/// the pieces and the rest of <see cref="Flush"/> concatenate to exactly <see cref="PanguTokenizer.Decode"/> of all ids. One per stream.
/// </summary>
public sealed class StreamingDetokenizer(PanguTokenizer tokenizer)
{
    /// <summary>The bytes of a character that is not complete yet: at most three.</summary>
    private readonly byte[] _held = new byte[4];
    private int _heldLength;

    /// <summary>Adds one token. The answer is the token's own string, with nothing allocated, unless a character is cut.</summary>
    public string Push(int tokenId)
    {
        if (_heldLength == 0 && tokenizer.TokenText(tokenId) is { } whole)
            return whole;
        var bytes = tokenizer.TokenBytes(tokenId);
        return bytes.IsEmpty ? "" : Join(bytes);
    }

    /// <summary>The end: what is held back can never be completed and becomes U+FFFD.</summary>
    public string Flush()
    {
        string rest = _heldLength == 0 ? "" : Encoding.UTF8.GetString(_held, 0, _heldLength);
        _heldLength = 0;
        return rest;
    }

    private string Join(ReadOnlySpan<byte> bytes)
    {
        byte[] all = new byte[_heldLength + bytes.Length];
        _held.AsSpan(0, _heldLength).CopyTo(all);
        bytes.CopyTo(all.AsSpan(_heldLength));
        int complete = CompleteLength(all);
        _heldLength = all.Length - complete;
        all.AsSpan(complete).CopyTo(_held);
        return complete == 0 ? "" : Encoding.UTF8.GetString(all, 0, complete);
    }

    /// <summary>How many leading bytes can be decoded now: all but a character at the end that more bytes could complete.</summary>
    private static int CompleteLength(ReadOnlySpan<byte> bytes)
    {
        for (int from = Math.Max(0, bytes.Length - 3); from < bytes.Length; from++)
            if (Rune.DecodeFromUtf8(bytes[from..], out _, out int used) == System.Buffers.OperationStatus.NeedMoreData && used == bytes.Length - from)
                return from;
        return bytes.Length;
    }
}
