using System.Text;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Tokenization;

internal enum PieceType
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

internal readonly record struct Piece(string Text, PieceType Type);

/// <summary>The pieces of a tokenizer.model file: what decoding needs, and what the encoder must agree with.</summary>
/// <remarks>A protobuf message; field numbers from google/sentencepiece src/sentencepiece_model.proto.</remarks>
internal sealed class SentencePieceModel
{
    private const long MaxBytes = 64L << 20;
    private const int MaxPieces = Shapes.ShapeLimits.MaxVocabulary;

    // Appended to a model, this overrides normalizer_spec.add_dummy_prefix with false: repeated messages merge, the last value wins.
    private static readonly byte[] NoDummyPrefix = [0x1a, 0x02, 0x18, 0x00];

    private readonly byte[] _bytes;

    private SentencePieceModel(byte[] bytes, List<Piece> pieces, bool addsDummyPrefix)
    {
        _bytes = bytes;
        Pieces = pieces;
        AddsDummyPrefix = addsDummyPrefix;
    }

    public IReadOnlyList<Piece> Pieces { get; }

    /// <summary>Whether encoding puts a space in front of a text.</summary>
    public bool AddsDummyPrefix { get; }

    public Stream OpenAsIs() => new MemoryStream(_bytes, writable: false);

    /// <summary>The same model, except that a text gets no space in front.</summary>
    public Stream OpenWithoutDummyPrefix() => new MemoryStream([.. _bytes, .. NoDummyPrefix], writable: false);

    /// <exception cref="ModelFormatException">The file cannot be read or is no SentencePiece model.</exception>
    public static SentencePieceModel Read(string path)
    {
        byte[] bytes;
        try
        {
            long length = new FileInfo(path).Length;
            if (length > MaxBytes)
                throw new ModelFormatException($"{path}: {length} bytes, at most {MaxBytes} expected");
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException($"{path}: cannot be read: {e.Message}", e);
        }
        var pieces = new List<Piece>();
        bool dummyPrefix = true;
        var message = new ProtobufReader(bytes);
        while (message.Next())
            switch (message.Field)
            {
                case 1 when pieces.Count < MaxPieces && message.IsBytes:
                    pieces.Add(ReadPiece(message.Bytes));
                    break;
                case 3 when message.IsBytes:
                    dummyPrefix = ReadDummyPrefix(message.Bytes, dummyPrefix);
                    break;
                default:
                    break;
            }
        if (message.Failed || pieces.Count == 0)
            throw new ModelFormatException($"{path}: not a SentencePiece model (damaged at byte {message.Position} of {bytes.Length})");
        return new SentencePieceModel(bytes, pieces, dummyPrefix);
    }

    private static Piece ReadPiece(ReadOnlySpan<byte> bytes)
    {
        string text = "";
        var type = PieceType.Normal;
        var message = new ProtobufReader(bytes);
        while (message.Next())
            if (message.Field == 1 && message.IsBytes)
                text = Encoding.UTF8.GetString(message.Bytes);
            else if (message.Field == 3)
                type = (PieceType)message.Number;
        return new Piece(text, type);
    }

    private static bool ReadDummyPrefix(ReadOnlySpan<byte> bytes, bool value)
    {
        var message = new ProtobufReader(bytes);
        while (message.Next())
            if (message.Field == 3)
                value = message.Number != 0;
        return value;
    }
}
