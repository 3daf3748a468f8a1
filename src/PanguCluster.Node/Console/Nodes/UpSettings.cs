using System.Globalization;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary>What <c>pangu up</c> was asked for, checked.</summary>
/// <param name="Common">What all nodes have in common, checked like a node's own options; its addresses are not used.</param>
/// <param name="ContextLength">Passed on as given, or null.</param>
/// <param name="Given">Checked options that every node is given as they came.</param>
/// <param name="BasePort">gRPC port of the first node, where it and those behind it are free.</param>
/// <param name="Ask">A first message to answer once the cluster is ready, or null.</param>
public sealed record UpSettings(int Nodes, ServeOptions Common, int? ContextLength, IReadOnlyList<string> Given, int BasePort, TimeSpan StartLimit, string? Ask)
{
    /// <param name="launchFolder">Where its nodes keep track of those that 'pangu scale' has them start.</param>
    public IReadOnlyList<string> SharedArguments(string packedModel, string launchFolder) =>
    [
        "--model", packedModel, "--data", Common.Data, "--kernels", Common.Kernels.ToString().ToLowerInvariant(),
        "--threads", Text(Common.Threads), "--kv-memory", Text(Common.KvMemory!.Value), "--log-level", Common.LogLevel.ToString(),
        .. Common.Kv is { } kv ? (string[])["--kv", KvTypes.NameOf(kv)] : [],
        "--prefix-cache", Common.PrefixCache ? "on" : "off",
        .. ContextLength is { } context ? (string[])["--context-length", Text(context)] : [],
        "--replicas", Text(Common.Replicas), "--launcher", "local", "--launch-folder", launchFolder, "--exit-with-process", Text(Environment.ProcessId),
        .. Given,
    ];

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
