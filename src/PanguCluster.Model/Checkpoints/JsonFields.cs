using System.Text.Json;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Checkpoints;

/// <summary>
/// One JSON object read field by field: every read names the file and the field when it fails, and <see cref="RefuseOthers"/> turns
/// what nobody read into an error.
/// </summary>
internal sealed class JsonFields
{
    private readonly string _where;
    private readonly JsonElement _element;
    private readonly HashSet<string> _read = [];

    public JsonFields(string where, JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw new ModelFormatException($"{where}: expected a JSON object, found {Kind(element)}");
        _where = where;
        _element = element;
    }

    /// <summary>Reads a whole small JSON file; duplicate keys, trailing text and files over the limit are refused.</summary>
    /// <param name="maxBytes">Largest file accepted, bytes.</param>
    public static JsonDocument ParseFile(string path, long maxBytes = 64L << 20)
    {
        byte[] bytes;
        try
        {
            long length = new FileInfo(path).Length;
            if (length > maxBytes)
                throw new ModelFormatException($"{path}: {length} bytes, at most {maxBytes} expected");
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException($"{path}: cannot be read: {e.Message}", e);
        }
        return Parse(path, bytes);
    }

    public static JsonDocument Parse(string where, ReadOnlyMemory<byte> utf8)
    {
        if (utf8.Span.StartsWith("\uFEFF"u8))
            utf8 = utf8[3..];
        if (!System.Text.Unicode.Utf8.IsValid(utf8.Span))
            throw new ModelFormatException($"{where}: not valid JSON: not valid UTF-8");
        try
        {
            RefuseBrokenEscapes(where, utf8.Span);
            return JsonDocument.Parse(utf8, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 32 });
        }
        catch (JsonException e)
        {
            throw new ModelFormatException($"{where}: not valid JSON: {e.Message}", e);
        }
    }

    // An escape for half a surrogate pair is grammatical JSON but no text: the library throws only when the string is read.
    private static void RefuseBrokenEscapes(string where, ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = 32 });
        try
        {
            while (reader.Read())
                if (reader.ValueIsEscaped)
                    reader.GetString();
        }
        catch (InvalidOperationException e)
        {
            throw new ModelFormatException($"{where}: not valid JSON: a string near byte {reader.TokenStartIndex} holds half a surrogate pair", e);
        }
    }

    /// <summary>The field, or null where it is absent or JSON null.</summary>
    public JsonElement? Find(string name)
    {
        _read.Add(name);
        return _element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    public JsonElement Need(string name) => Find(name) ?? throw Bad(name, "is missing");

    public int Int(string name, int min, int max) => ToInt(name, Need(name), min, max);

    public int Int(string name, int min, int max, int absent) => Find(name) is { } value ? ToInt(name, value, min, max) : absent;

    public long Long(string name, long min, long max)
    {
        var value = Need(name);
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out long number) || number < min || number > max)
            throw Bad(name, $"is {Show(value)}: expected a whole number {min}..{max}");
        return number;
    }

    /// <summary>A finite number; ranges are the caller's.</summary>
    public double Double(string name)
    {
        var value = Need(name);
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out double number) || !double.IsFinite(number))
            throw Bad(name, $"is {Show(value)}: expected a finite number");
        return number;
    }

    public bool Bool(string name) => ToBool(name, Need(name));

    public bool Bool(string name, bool absent) => Find(name) is { } value ? ToBool(name, value) : absent;

    public string Text(string name, int maxLength = 1024)
    {
        var value = Need(name);
        string? text = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        if (text is null || text.Length > maxLength)
            throw Bad(name, $"is {Show(value)}: expected a string of at most {maxLength} characters");
        return text;
    }

    public JsonFields Object(string name) => new($"{_where}: {name}", Need(name));

    public IReadOnlyList<JsonElement> Array(string name, int maxItems)
    {
        var value = Need(name);
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > maxItems)
            throw Bad(name, $"is {Show(value)}: expected an array of at most {maxItems} items");
        return [.. value.EnumerateArray()];
    }

    /// <summary>Fails when the object has a field that was never asked for.</summary>
    public void RefuseOthers()
    {
        foreach (var property in _element.EnumerateObject())
            if (!_read.Contains(property.Name))
                throw Bad(property.Name, "is not a field this build knows");
    }

    public ModelFormatException Bad(string name, string what) => new($"{_where}: {name} {what}");

    private int ToInt(string name, JsonElement value, int min, int max)
    {
        if (!value.TryGetNumber(out int number) || number < min || number > max)
            throw Bad(name, $"is {Show(value)}: expected a whole number {min}..{max}");
        return number;
    }

    private bool ToBool(string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Bad(name, $"is {Show(value)}: expected true or false"),
    };

    internal static string Show(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 60 ? text : text[..57] + "...";
    }

    private static string Kind(JsonElement value) => value.ValueKind.ToString().ToLowerInvariant();
}

internal static class JsonElements
{
    /// <summary>The 32-bit whole number an element holds; false for any other kind of element instead of an exception.</summary>
    public static bool TryGetNumber(this JsonElement element, out int number)
    {
        number = 0;
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out number);
    }
}
