using PanguCluster.Chaos.Processes;
using System.Net;
using System.Net.Sockets;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

public class StartAndStopTests
{
    [Theory]
    [InlineData("--grpc")]
    [InlineData("--http")]
    [InlineData("--cluster")]
    public async Task Serve_should_end_with_one_clear_line_when_a_port_is_in_use(string option)
    {
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        string taken = holder.LocalEndpoint.ToString()!;
        string[] ports = [.. FreshPorts.Take(3).Select(p => $"127.0.0.1:{p}")];
        string[] options = ["--grpc", ports[0], "--http", ports[1], "--cluster", ports[2]];
        options[Array.IndexOf(options, option) + 1] = taken;

        var ended = await RunningProgram.RunPanguAsync(["serve", "--model", Repository.Nano, "--data", Repository.Data, .. options]);

        AssertOneLine(ended, 2, option, taken, "in use");
    }

    [Fact]
    public async Task Serve_should_end_with_one_clear_line_when_the_model_folder_is_missing()
    {
        var ended = await RunningProgram.RunPanguAsync("serve", "--model", "/no/such/model");

        AssertOneLine(ended, 2, "/no/such/model", "no such folder");
    }

    [Fact]
    public async Task Serve_should_end_with_one_clear_line_when_the_folder_holds_no_model()
    {
        string empty = Directory.CreateTempSubdirectory("pangu-empty-").FullName;

        var ended = await RunningProgram.RunPanguAsync(
            "serve", "--model", empty, "--data", Repository.Data, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--cluster", "127.0.0.1:0");

        Directory.Delete(empty);
        AssertOneLine(ended, 1, empty);
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task Serve_should_end_with_0_when_told_to_stop(string signal)
    {
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano);

        node.Program.Signal(signal);

        var ended = await node.Program.EndAsync();
        Assert.True(ended.Code == 0, $"ended with {ended.Code}: {ended.Error}");
    }

    [Fact]
    public async Task Serve_should_take_free_ports_when_told_port_0()
    {
        await using var node = RunningProgram.Pangu(
            "serve", "--model", Repository.Nano, "--data", Repository.Data, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--cluster", "127.0.0.1:0");

        string ready = await node.UntilOutputAsync(text => text.Contains("ready", StringComparison.Ordinal));

        string http = ready.Split("http=", 2)[1].Split(' ', 2)[0];
        using var client = new HttpClient();
        Assert.Equal("ready\n", await client.GetStringAsync(new Uri($"http://{http}/readyz")));
    }

    [Fact]
    public async Task Up_should_leave_no_process_when_interrupted()
    {
        await using var up = await UpCluster.StartAsync(3);

        up.Program.Signal("INT");
        var ended = await up.Program.EndAsync();

        Assert.Equal(0, ended.Code);
        Assert.All(up.Nodes, node => Assert.False(Signals.IsAlive(node.ProcessId), $"node process {node.ProcessId} is left"));
        Assert.DoesNotContain("killed", ended.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nodes_should_end_when_up_is_killed()
    {
        await using var up = await UpCluster.StartAsync(2);

        up.Program.Signal("KILL");

        await Wait.UntilAsync(() => up.Nodes.All(n => !Signals.IsAlive(n.ProcessId)), RunningProgram.Limit, () => "a node outlives its parent");
    }

    [Fact]
    public async Task Up_should_say_which_node_ended_when_one_is_killed()
    {
        await using var up = await UpCluster.StartAsync(3);

        Signals.Send("KILL", up.Nodes[2].ProcessId);

        await Wait.UntilAsync(
            () => up.Program.Error.Contains($"node-3 (process {up.Nodes[2].ProcessId}) ended", StringComparison.Ordinal), RunningProgram.Limit, () => up.Program.Error);
        Assert.False(up.Program.HasExited);
        up.Program.Signal("TERM");
        Assert.Equal(0, (await up.Program.EndAsync()).Code);
    }

    private static void AssertOneLine(Ended ended, int code, params string[] says)
    {
        Assert.True(code == ended.Code, $"ended with {ended.Code}: {ended.Error}");
        string line = Assert.Single(ended.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.All(says, word => Assert.Contains(word, line, StringComparison.Ordinal));
    }
}
