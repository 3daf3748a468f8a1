using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Options;

/// <summary>What <c>--kv</c> says: how keys and values are stored. Part of what a token is a function of, and so of the model's digest.</summary>
public static class KvTypes
{
    public const string Choices = "f32|bf16|int8";

    public static IReadOnlyList<string> Names { get; } = Choices.Split('|');

    /// <param name="text">Null: what the model says.</param>
    /// <exception cref="OptionException">None of <see cref="Names"/>.</exception>
    public static ElementType? Parse(string? text) => text switch
    {
        null => null,
        "f32" => ElementType.F32,
        "bf16" => ElementType.Bf16,
        "int8" => ElementType.I8,
        _ => throw new OptionException($"--kv {text}: expected f32, bf16 or int8"),
    };

    /// <summary>The reverse of <see cref="Parse"/>.</summary>
    public static string NameOf(ElementType type) => type == ElementType.I8 ? "int8" : ManifestJson.NameOf(type);
}
