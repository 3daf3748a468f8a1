using System.Globalization;
using System.Text;
using Microsoft.ML.Tokenizers;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Tokenization;

/// <summary>
/// The SentencePiece tokenizer of the Pangu family: text and conversations to token ids, ids back to exactly their bytes.
/// </summary>
/// <remarks>
/// Immutable once opened: any number of streams may encode and decode at once. In plain text the special tokens' names stand for the
/// tokens (a caller may write a whole prompt); in the content of a chat turn they never do.
/// </remarks>
public sealed class PanguTokenizer
{
    private readonly SentencePieceTokenizer _withSpecials;
    private readonly SentencePieceTokenizer _plain;
    private readonly IReadOnlyDictionary<string, int> _specials;
    private readonly HashSet<int> _specialIds;
    private readonly byte[][] _bytes;
    private readonly string?[] _texts;
    private readonly bool _addsDummyPrefix;

    private PanguTokenizer(SentencePieceModel model, IReadOnlyDictionary<string, int> specials)
    {
        _specials = specials;
        _specialIds = [.. specials.Values];
        _withSpecials = Create(model.OpenAsIs(), specials);
        _plain = Create(model.OpenWithoutDummyPrefix(), null);
        _addsDummyPrefix = model.AddsDummyPrefix;
        VocabularySize = Math.Max(model.Pieces.Count, specials.Count == 0 ? 0 : specials.Values.Max() + 1);
        _bytes = new byte[VocabularySize][];
        _texts = new string?[VocabularySize];
        for (int id = 0; id < VocabularySize; id++)
        {
            _bytes[id] = id < model.Pieces.Count ? BytesOf(model.Pieces[id]) : [];
            _texts[id] = CompleteText(_bytes[id]);
        }
        foreach (var (text, id) in specials)
            if (id >= model.Pieces.Count)
                (_bytes[id], _texts[id]) = (Encoding.UTF8.GetBytes(text), text);
        BosId = IdOf("<s>");
        TurnStartId = IdOf(ChatFormat.TurnStart);
        EndOfTurnId = IdOf(ChatFormat.TurnEnd);
    }

    /// <summary>Ids are 0 .. VocabularySize - 1. The model's own vocabulary may be larger (padding), never smaller.</summary>
    public int VocabularySize { get; }

    /// <summary><c>&lt;s&gt;</c>, or null where the model has none.</summary>
    public int? BosId { get; }

    /// <summary><c>[unused9]</c>, which opens a turn.</summary>
    public int? TurnStartId { get; }

    /// <summary><c>[unused10]</c>, which ends a turn and a generation.</summary>
    public int? EndOfTurnId { get; }

    /// <summary>Reads tokenizer.model and, where it is there, tokenizer_config.json of a checkpoint or packed folder.</summary>
    /// <exception cref="ModelFormatException">A file is damaged, or the two disagree.</exception>
    public static PanguTokenizer Open(string folder)
    {
        string path = Path.Combine(folder, ManifestRules.TokenizerFile);
        if (!File.Exists(path))
            throw new ModelFormatException($"{folder}: no {ManifestRules.TokenizerFile}: this model takes and gives token ids only");
        var model = SentencePieceModel.Read(path);
        var specials = SpecialTokens.Read(Path.Combine(folder, ManifestRules.TokenizerConfigFile), model);
        try
        {
            return new PanguTokenizer(model, specials);
        }
        catch (Exception e) when (e is not (ModelFormatException or OutOfMemoryException))
        {
            throw new ModelFormatException($"{path}: the tokenizer cannot be built: {e.Message}", e);
        }
    }

    /// <summary>Ids of a text, <c>&lt;s&gt;</c> first. Names of special tokens in the text become those tokens.</summary>
    /// <exception cref="ArgumentException">The text holds half a surrogate pair.</exception>
    public int[] Encode(string text, bool addBos = true)
    {
        RefuseBrokenText(text);
        var ids = new List<int>(text.Length / 3 + 2);
        if (addBos && BosId is { } bos)
            ids.Add(bos);
        if (text.Length > 0)
            ids.AddRange(_withSpecials.EncodeToIds(text, addBeginningOfSentence: false, addEndOfSentence: false));
        return [.. ids];
    }

    /// <summary>Ids of a conversation, with the assistant's turn opened at the end.</summary>
    /// <param name="defaultSystemTurn">Write an empty system turn when the first message is none (<see cref="ChatSettings"/>).</param>
    /// <exception cref="ArgumentException">No message, an unknown role, or content with half a surrogate pair; names the message.</exception>
    /// <exception cref="NotSupportedException">The tokenizer has no turn markers.</exception>
    public int[] EncodeChat(IReadOnlyList<ChatMessage> messages, bool defaultSystemTurn, bool addBos = true)
    {
        if (TurnStartId is not { } start || EndOfTurnId is not { } end)
            throw new NotSupportedException($"the tokenizer has no {ChatFormat.TurnStart} and {ChatFormat.TurnEnd}: this model has no chat form");
        if (messages.Count == 0)
            throw new ArgumentException("chat: at least one message is needed", nameof(messages));
        var ids = new List<int>();
        if (addBos && BosId is { } bos)
            ids.Add(bos);
        if (defaultSystemTurn && messages[0].Role != "system")
            AddTurn(ids, start, end, "system", "");
        for (int i = 0; i < messages.Count; i++)
        {
            var message = messages[i];
            if (ChatFormat.NameOf(message.Role) is null)
                throw new ArgumentException($"chat: message {i}: role is '{message.Role}': expected one of {ChatFormat.Roles}", nameof(messages));
            AddTurn(ids, start, end, message.Role, message.Content);
        }
        ids.Add(start);
        AddContent(ids, ChatFormat.NameOf("assistant") + ChatFormat.Colon);
        return [.. ids];
    }

    /// <summary>The bytes one token stands for: none for control tokens and ids beyond the tokenizer, which a padded model vocabulary has.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is negative.</exception>
    public ReadOnlySpan<byte> TokenBytes(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        return id < _bytes.Length ? _bytes[id] : [];
    }

    /// <summary>The token's text where its bytes are whole characters, else null. Never allocates.</summary>
    public string? TokenText(int id) => (uint)id < (uint)_texts.Length ? _texts[id] : "";

    /// <summary>The bytes of all tokens, one after another.</summary>
    public byte[] DecodeBytes(ReadOnlySpan<int> ids)
    {
        int length = 0;
        foreach (int id in ids)
            length += TokenBytes(id).Length;
        var bytes = new byte[length];
        int at = 0;
        foreach (int id in ids)
        {
            TokenBytes(id).CopyTo(bytes.AsSpan(at));
            at += TokenBytes(id).Length;
        }
        return bytes;
    }

    /// <summary>The text of tokens; invalid UTF-8 becomes U+FFFD.</summary>
    /// <param name="wholeText">The ids are a whole text, not the continuation of one: drop the space that encoding put in front.</param>
    public string Decode(ReadOnlySpan<int> ids, bool wholeText = false)
    {
        byte[] bytes = DecodeBytes(ids);
        int skip = wholeText && _addsDummyPrefix && bytes.Length > 0 && bytes[0] == ' ' ? 1 : 0;
        return Encoding.UTF8.GetString(bytes, skip, bytes.Length - skip);
    }

    private int? IdOf(string special) => _specials.TryGetValue(special, out int id) ? id : null;

    private void AddTurn(List<int> ids, int start, int end, string role, string content)
    {
        RefuseBrokenText(content);
        ids.Add(start);
        // Role, colon and content are one text to the tokenizer, as in the family's template.
        AddContent(ids, ChatFormat.NameOf(role) + ChatFormat.Colon + content);
        ids.Add(end);
    }

    /// <summary>Text that must not become a special token, whatever it says.</summary>
    private void AddContent(List<int> ids, string text)
    {
        var encoded = _plain.EncodeToIds(text, addBeginningOfSentence: false, addEndOfSentence: false);
        if (!encoded.Any(_specialIds.Contains))
        {
            ids.AddRange(encoded);
            return;
        }
        // A model may hold a special token's name as an ordinary piece. Cut every name after its first character: no part contains a name.
        int from = 0;
        for (int at = 1; at < text.Length; at++)
            if (_specials.Keys.Any(name => string.CompareOrdinal(text, at - 1, name, 0, name.Length) == 0))
            {
                AddPart(ids, text[from..at]);
                from = at;
            }
        AddPart(ids, text[from..]);
    }

    // Unknown characters of a model without byte fallback still give <unk>; every other special token is dropped.
    private void AddPart(List<int> ids, string part)
    {
        foreach (int id in _plain.EncodeToIds(part, addBeginningOfSentence: false, addEndOfSentence: false))
            if (!_specialIds.Contains(id) || id == IdOf("<unk>"))
                ids.Add(id);
    }

    private static SentencePieceTokenizer Create(Stream model, IReadOnlyDictionary<string, int>? specials)
    {
        using (model)
            return SentencePieceTokenizer.Create(model, addBeginningOfSentence: true, addEndOfSentence: false, specialTokens: specials);
    }

    private static byte[] BytesOf(Piece piece) => piece.Type switch
    {
        PieceType.Control or PieceType.Unknown or PieceType.Unused => [],
        PieceType.Byte => [ByteOf(piece.Text)],
        _ => Encoding.UTF8.GetBytes(piece.Text.Replace('\u2581', ' ')),
    };

    private static byte ByteOf(string piece) =>
        piece.Length == 6 && piece.StartsWith("<0x", StringComparison.Ordinal)
            && byte.TryParse(piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
            ? value
            : throw new ModelFormatException($"tokenizer.model: byte piece '{piece}' is not of the form <0x00>");

    private static string? CompleteText(byte[] bytes)
    {
        if (bytes.Length == 0)
            return "";
        return System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;
    }

    private static void RefuseBrokenText(string text)
    {
        for (int i = 0; i < text.Length; i++)
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                i++;
            else if (char.IsSurrogate(text[i]))
                throw new ArgumentException($"text is not valid Unicode: half a surrogate pair at character {i}", nameof(text));
    }
}
