using System.Net;
using PanguCluster.Actors.Control;
using PanguCluster.Node.Launch;
using PanguCluster.Node.Options;
using Xunit;

namespace PanguCluster.Node.Tests.Launch;

public sealed class LaunchTests
{
    private static readonly LaunchRequest Request = new("node-9", ["10.0.0.1:7442", "10.0.0.2:7442"], 3);

    [Fact]
    public void New_node_should_get_the_options_of_the_one_that_starts_it_and_a_name_and_addresses_of_its_own()
    {
        NodeAddress[] ports = [.. Enumerable.Range(1, 3).Select(i => new NodeAddress(IPAddress.Loopback, i))];
        var arguments = LaunchArguments.Of(
            ["--node-id", "node-1", "--grpc=127.0.0.1:7440", "--seed-node", "a:1", "--seed-node", "b:2", "--exit-with-stdin", "--model", "packed", "--replicas=3", "--start-nice", "3", "--exit-with-process", "7"],
            Request, ports, startNice: 10);
        Assert.Equal(
            [
                "serve", "--node-id", "node-9", "--grpc", "127.0.0.1:1", "--http", "127.0.0.1:2", "--cluster", "127.0.0.1:3", "--seed-node", "10.0.0.1:7442",
                "--seed-node", "10.0.0.2:7442", "--start-nice", "10", "--model", "packed", "--replicas=3", "--exit-with-process", "7",
            ],
            arguments);
    }

    [Theory]
    [InlineData("sometimes", null, null, "expected none, local or command")]
    [InlineData("command", "x", null, "needs --start-node-command and --stop-node-command")]
    [InlineData("local", "x", "y", "need --launcher command")]
    public void Options_should_say_what_is_wrong(string launcher, string? start, string? stop, string message)
    {
        var said = new ServeOverrides { Launcher = launcher, StartNodeCommand = start, StopNodeCommand = stop };
        Assert.Contains(message, Assert.Throws<OptionException>(() => LaunchOptions.From(said, "data")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Start_priority_should_be_low_for_launched_nodes_only_unless_it_is_said()
    {
        Assert.Equal((0, LaunchOptions.DefaultStartNice), Nice(new ServeOverrides()));
        Assert.Equal((3, 3), Nice(new ServeOverrides { StartNice = 3 }));
        Assert.Equal((0, 0), Nice(new ServeOverrides { StartNice = 0 }));
        Assert.Contains("--start-nice 20: expected 0 .. 19", Assert.Throws<OptionException>(() => Nice(new ServeOverrides { StartNice = 20 })).Message, StringComparison.Ordinal);

        static (int Own, int Launched) Nice(ServeOverrides said)
        {
            var options = ServeOptions.From(said);
            return (options.StartNice, options.Launch.StartNice);
        }
    }

    [Fact]
    public async Task Commands_should_be_told_the_node_and_the_seeds()
    {
        string file = Path.GetTempFileName();
        try
        {
            var launcher = new CommandLauncher($"echo start $PANGU_NODE_ID $PANGU_SEED_NODES $PANGU_EXPECTED_NODES > {file}", $"echo stop $PANGU_NODE_ID >> {file}", TimeProvider.System);
            await launcher.StartAsync(Request, TestContext.Current.CancellationToken);
            await launcher.StopAsync("node-9", TestContext.Current.CancellationToken);
            Assert.Equal(["start node-9 10.0.0.1:7442,10.0.0.2:7442 3", "stop node-9"], await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Command_that_fails_should_say_how()
    {
        var launcher = new CommandLauncher("echo no room >&2; exit 3", "true", TimeProvider.System);
        var failed = await Assert.ThrowsAsync<LaunchException>(() => launcher.StartAsync(Request, TestContext.Current.CancellationToken));
        Assert.StartsWith("--start-node-command ended with 3", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Process_should_not_be_mistaken_for_another_of_its_number()
    {
        var own = ProcessMark.Of(Environment.ProcessId)!;
        Assert.True(own.IsAlive);
        Assert.Equal(own, ProcessMark.Parse(own.ToString()));
        Assert.False((own with { Started = "1" }).IsAlive);
        Assert.Null(ProcessMark.Of(int.MaxValue));
        Assert.Null(ProcessMark.Parse("-3 x"));
    }
}
