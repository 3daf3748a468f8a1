using System.Text.Json;
using System.Text.Json.Serialization;

namespace PanguCluster.Node.Bench;

internal static class BenchJson
{
    /// <summary>snake_case names, as everywhere in this program's JSON; what was not asked for is left out.</summary>
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };
}
