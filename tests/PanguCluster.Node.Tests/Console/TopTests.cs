using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using PanguCluster.Actors.Control;
using PanguCluster.Node.Console;
using PanguCluster.Node.Local;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Console;

public class TopTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Top_should_show_differences_failures_and_operations_when_asked_once()
    {
        await using var edge = await EdgeFixture.StartAsync();
        Prepare(edge);

        var (code, table, _) = await Run(edge, "--interval", "0.5s");
        var (_, json, _) = await Run(edge, "-o", "json", "--interval", "0.2s");

        Assert.Equal(ExitCodes.Done, code);
        Assert.Contains("imbalance: devices 0 (expected 0), nodes 0 (expected 1)", table, StringComparison.Ordinal);
        Assert.Matches(@"n1 +Up +0 +1 +2 +6 +2 +0 ", table);
        Assert.Matches(@"\d\d:\d\d:\d\d Rerouted +n2 +stall +3[89] ms", table);
        Assert.Contains("OPERATION drain n2 (op-1) 1/3 moving group 2", table, StringComparison.Ordinal);
        var root = JsonDocument.Parse(json).RootElement;
        Assert.Equal(1, root.GetProperty("expected_node_imbalance").GetInt32());
        Assert.Equal(38.5, root.GetProperty("failures")[0].GetProperty("stall_ms").GetDouble());
        Assert.Equal(0, root.GetProperty("nodes")[0].GetProperty("first_token").GetProperty("count").GetInt32());
        Assert.Equal(JsonValueKind.Null, root.GetProperty("nodes")[1].GetProperty("tokens_per_second").ValueKind);
    }

    [Fact]
    public void Figures_should_be_rates_and_spreads_when_counters_grow()
    {
        var before = Node.Services.ClusterWriting.ToWire(FakeView.Ready(), "n1");
        var now = before.Clone();
        now.Nodes[0].Load.TokensGenerated += 50;
        foreach (var group in now.Groups)
            group.Rows += 100;
        now.Nodes[0].Rows += 200;
        now.Nodes[1].Rows += 100;

        var even = TopFigures.Of(before, now, TimeSpan.FromSeconds(2), DateTimeOffset.UnixEpoch, [], []);
        now.Groups[0].Rows += 30;
        var uneven = TopFigures.Of(before, now, TimeSpan.FromSeconds(2), DateTimeOffset.UnixEpoch, [], []);
        var restarted = TopFigures.Of(now, before, TimeSpan.FromSeconds(2), DateTimeOffset.UnixEpoch, [], []);

        Assert.Equal((25.0, 0.0, 1.0, 1), (even.TokensPerSecond, even.DeviceImbalance, even.NodeImbalance, even.ExpectedNodeImbalance));
        Assert.Equal([100.0, 50.0], even.Nodes.Select(n => n.RowsPerSecond));
        Assert.Equal(30 / 110.0, uneven.DeviceImbalance, 6);
        Assert.Equal(0, restarted.TokensPerSecond);
    }

    [Theory]
    [InlineData(80, 24, 3)]
    [InlineData(80, 24, 40)]
    [InlineData(20, 5, 40)]
    [InlineData(200, 60, 40)]
    public void Screen_should_fit_the_window_when_there_are_many_nodes(int width, int height, int nodes)
    {
        var state = Node.Services.ClusterWriting.ToWire(FakeView.Ready(), "n1");
        for (int i = state.Nodes.Count; i < nodes; i++)
        {
            var node = state.Nodes[0].Clone();
            node.Id = "node-" + i.ToString(CultureInfo.InvariantCulture);
            state.Nodes.Add(node);
        }
        var events = Enumerable.Range(0, 9).Select(i => Node.Services.ControlWriting.ToWire(FakeEvents.Event(i)));

        var lines = TopScreen.Lines(TopFigures.Of(state, state, TimeSpan.FromSeconds(1), DateTimeOffset.UnixEpoch, [], events), width, height, "q quits");

        Assert.True(lines.Count <= height);
        Assert.All(lines, line => Assert.True(line.Length <= width));
        if (height >= 24)
            Assert.Equal("q quits", lines[^1]);
        if (nodes == 40 && height == 24)
            Assert.Contains(lines, line => line.Contains("more nodes", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Top_should_end_with_2_when_there_is_no_terminal()
    {
        var (output, error) = (new StringWriter(), new StringWriter());

        Assert.Equal(ExitCodes.Usage, await CommandLine.RunAsync(["top"], output, error));
        Assert.Equal(ExitCodes.Usage, await CommandLine.RunAsync(["top", "--once", "--interval", "0.1s"], output, error));

        Assert.Contains("--once", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Top_should_end_with_3_when_no_server_answers()
    {
        string server = FreePorts.Find(1, 1, FreePorts.AnyStart, 1)[0].ToString();
        Assert.Equal(ExitCodes.Unreachable, await CommandLine.RunAsync(["top", "--once", "--server", server], new StringWriter(), new StringWriter()));
    }

    [Fact]
    public async Task Top_should_fill_a_terminal_of_80_by_24_and_give_it_back_when_q_is_typed()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/tmux"), "tmux is not installed: apt-get install tmux");
        await using var edge = await EdgeFixture.StartAsync();
        Prepare(edge);
        string socket = "pangu-top-" + Guid.NewGuid().ToString("N")[..8];
        string program = Path.Combine(AppContext.BaseDirectory, "pangu.dll");
        await Tmux(socket, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "sh");
        try
        {
            await Tmux(socket, "send-keys", $"PS1=; clear; echo before; dotnet '{program}' top --server {edge.Grpc.Authority}; echo code=$?", "Enter");
            string[] shown = await ShownAsync(socket, "q quits");
            Assert.StartsWith("pangu top  test-model  ready  groups 3/3", shown[0], StringComparison.Ordinal);
            Assert.StartsWith("imbalance: devices 0 (expected 0)", shown[1], StringComparison.Ordinal);
            Assert.Matches(@"^NODE +STATUS +TOK/S +RUN +WAIT +KV% +GRP +ROWS/S +TTFT50/99 +TPOT50/99$", shown[2].TrimEnd());
            Assert.Matches(@"^n1 +Up ", shown[3]);
            Assert.Matches(@"^n2 +Up ", shown[4]);
            Assert.DoesNotContain(shown, line => line.Contains("before", StringComparison.Ordinal));
            await Tmux(socket, "resize-window", "-x", "60", "-y", "20");
            await Tmux(socket, "send-keys", "q");
            string[] after = await ShownAsync(socket, "code=0");
            Assert.Contains(after, line => line.Contains("before", StringComparison.Ordinal));
        }
        finally
        {
            await Tmux(socket, "kill-server");
        }
    }

    private static void Prepare(EdgeFixture edge)
    {
        edge.Events.Recent = [FakeEvents.Event(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds())];
        edge.View.Current = edge.View.Current with { Operations = [FakeControl.Operation(OperationState.Running, 1)] };
        // Only the first node has a gateway, and it is the one that is asked.
        edge.View.Current = edge.View.Current with
        {
            Nodes = [edge.View.Current.Nodes[0] with { GrpcAddress = edge.Grpc.Authority }, edge.View.Current.Nodes[1]],
        };
    }

    private static async Task<string[]> ShownAsync(string socket, string until)
    {
        long begun = TimeProvider.System.GetTimestamp();
        while (true)
        {
            string shown = await Tmux(socket, "capture-pane", "-p");
            if (shown.Split('\n').Any(l => l.StartsWith(until, StringComparison.Ordinal)))
                return shown.Split('\n');
            Assert.True(TimeProvider.System.GetElapsedTime(begun) < Limit, "never shown: " + until + "\n" + shown);
            await Task.Delay(100);
        }
    }

    private static async Task<string> Tmux(string socket, params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo("tmux", ["-L", socket, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output;
    }

    private static async Task<(int Code, string Output, string Error)> Run(EdgeFixture edge, params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        int code = await CommandLine.RunAsync(["top", "--once", .. args, "--server", edge.Grpc.Authority], output, error);
        return (code, output.ToString(), error.ToString());
    }
}
