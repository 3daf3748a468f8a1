using System.Text.Json;

namespace PanguCluster.Node.OpenAi;

/// <summary>
/// The fields of one JSON object of a request. An absent field and null are the same. Every reader refuses a value of another type, by name.
/// Fields that nobody asks for are ignored, as OpenAI does.
/// </summary>
public readonly struct RequestFields(JsonElement fields, string path = "")
{
    /// <summary>Header that names the session, so that the same request again is not computed again.</summary>
    public const string IdempotencyKey = "Idempotency-Key";

    /// <summary>Header of a caller who goes on after the event with this id.</summary>
    public const string LastEventId = "Last-Event-ID";

    /// <summary>The field, or null.</summary>
    public JsonElement? this[string name] =>
        fields.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public bool Has(string name) => this[name] is not null;

    /// <summary>The field's name in errors.</summary>
    public string PathOf(string name) => path + name;

    public bool Flag(string name) => this[name] switch
    {
        null or { ValueKind: JsonValueKind.False } => false,
        { ValueKind: JsonValueKind.True } => true,
        _ => throw WrongType(name, "true or false"),
    };

    public int? Whole(string name) => this[name] switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt32(out int value) => value,
        _ => throw WrongType(name, "a whole number of 32 bits"),
    };

    public float? Number(string name) => this[name] switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetSingle(out float value) => value,
        _ => throw WrongType(name, "a number"),
    };

    /// <summary>Seeds of 64 bits, signed or not: the same bits are the same seed.</summary>
    public ulong? Seed(string name) => this[name] switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetUInt64(out ulong value) => value,
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt64(out long value) => unchecked((ulong)value),
        _ => throw WrongType(name, "a whole number of 64 bits"),
    };

    public string? Text(string name) => this[name] is { } value ? TextOf(value, PathOf(name)) : null;

    /// <summary>One text, or an array of them; none when absent.</summary>
    public string[] Texts(string name)
    {
        if (this[name] is not { } value)
            return [];
        if (value.ValueKind != JsonValueKind.Array)
            return [TextOf(value, PathOf(name))];
        string[] texts = new string[value.GetArrayLength()];
        int count = 0;
        foreach (var text in value.EnumerateArray())
        {
            texts[count] = TextOf(text, $"{PathOf(name)}[{count}]");
            count++;
        }
        return texts;
    }

    public int[] Ids(string name) => this[name] is { } value ? IdsOf(value, PathOf(name)) : [];

    /// <exception cref="ApiException">Not an object.</exception>
    public RequestFields? Object(string name) => this[name] switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => new RequestFields(value, PathOf(name) + "."),
        _ => throw WrongType(name, "an object"),
    };

    /// <summary>Says clearly that a field is not served, unless its value asks for nothing.</summary>
    public void NotServed(string name, Func<JsonElement, bool> asksForNothing, string advice)
    {
        if (this[name] is { } value && !Holds(asksForNothing, value))
            throw new ApiException(ApiError.Invalid(PathOf(name), $"not served; {advice}", "unsupported_parameter"));
    }

    /// <summary>A text that is not Unicode equals none.</summary>
    private static bool Holds(Func<JsonElement, bool> condition, JsonElement value)
    {
        try
        {
            return condition(value);
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <exception cref="ApiException">Not a text, or one that is not Unicode.</exception>
    public static string TextOf(JsonElement value, string name)
    {
        if (value.ValueKind != JsonValueKind.String)
            throw new ApiException(ApiError.Invalid(name, "expected a string"));
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new ApiException(ApiError.Invalid(name, "not valid Unicode text"));
        }
    }

    /// <exception cref="ApiException">Not an array of token ids.</exception>
    public static int[] IdsOf(JsonElement value, string name)
    {
        if (value.ValueKind != JsonValueKind.Array)
            throw new ApiException(ApiError.Invalid(name, "expected an array of token ids"));
        int[] ids = new int[value.GetArrayLength()];
        int count = 0;
        foreach (var id in value.EnumerateArray())
        {
            if (id.ValueKind != JsonValueKind.Number || !id.TryGetInt32(out ids[count]))
                throw new ApiException(ApiError.Invalid($"{name}[{count}]", "expected a token id"));
            count++;
        }
        return ids;
    }

    public ApiException WrongType(string name, string expected) => new(ApiError.Invalid(PathOf(name), $"expected {expected}"));
}
