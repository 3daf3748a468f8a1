using System.Text.Json;

namespace PanguCluster.Node.Bench;

internal static class BenchJson
{
    /// <summary>snake_case names, as everywhere in this program's JSON.</summary>
    public static JsonSerializerOptions Options { get; } = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };
}
