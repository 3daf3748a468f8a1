using PanguCluster.Chaos.Processes;
using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace PanguCluster.Integration.Tests.Processes;

/// <summary>A <c>pangu up</c> process and its nodes.</summary>
internal sealed partial class UpCluster : IAsyncDisposable
{
    private UpCluster(RunningProgram program, IReadOnlyList<(string Grpc, int ProcessId)> nodes)
    {
        Program = program;
        Nodes = nodes;
    }

    public RunningProgram Program { get; }

    public IReadOnlyList<(string Grpc, int ProcessId)> Nodes { get; }

    public static Task<UpCluster> StartAsync(int nodes, params IEnumerable<string> extra) => StartAsync(Repository.Nano, nodes, extra);

    public static async Task<UpCluster> StartAsync(string model, int nodes, IEnumerable<string> extra)
    {
        var program = RunningProgram.Pangu(
            ["up", "--nodes", Text(nodes), "--model", model, "--data", Repository.Data, "--base-port", Text(FreshPorts.TakeBase(nodes)),
                "--threads", "1", "--kv-memory", "256MiB", "--journal", Journals.Fresh(), .. extra]);
        try
        {
            string output = await program.UntilOutputAsync(text => text.Contains("Ctrl-C", StringComparison.Ordinal), TimeSpan.FromSeconds(120));
            var rows = NodeRow().Matches(output).Select(m => (m.Groups[1].Value, int.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture))).ToList();
            Assert.Equal(nodes, rows.Count);
            return new UpCluster(program, rows);
        }
        catch
        {
            await program.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync() => Program.DisposeAsync();

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    // node   grpc   http   process
    [GeneratedRegex(@"^node-\d+ +(\S+) +\S+ +(\d+)", RegexOptions.Multiline)]
    private static partial Regex NodeRow();
}
