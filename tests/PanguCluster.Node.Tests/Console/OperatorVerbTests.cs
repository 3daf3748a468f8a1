using System.Collections.Immutable;
using System.Text.Json;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Node.Console;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Console;

/// <summary>The operator's verbs against the real edge of a node before a fake coordinator.</summary>
public class OperatorVerbTests
{
    [Fact]
    public async Task Cordon_and_uncordon_should_name_the_node_when_its_beginning_is_given()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var (code, output, _) = await Run(edge, "cordon", "n2", "--yes");
        var (_, json, asked) = await Run(edge, "uncordon", "n1", "--yes", "-o", "json");

        Assert.Equal(ExitCodes.Done, code);
        Assert.Contains("node n2: takes no new groups and sequences", output, StringComparison.Ordinal);
        Assert.Contains("node n2 is cordoned", output, StringComparison.Ordinal);
        Assert.Equal("n1", JsonDocument.Parse(json).RootElement.GetProperty("node_id").GetString());
        Assert.Contains("node n1: takes groups", asked, StringComparison.Ordinal);
        Assert.Equal([new ControlCommand.Cordon("n2"), new ControlCommand.Uncordon("n1")], edge.Control.Commands);
    }

    public static TheoryData<string[]> Acts => new(
        ["cordon", "n2"], ["uncordon", "n2"], ["drain", "n2"], ["rebalance"], ["scale", "4"], ["abort", "op-1"]);

    [Theory]
    [MemberData(nameof(Acts))]
    public async Task Act_should_end_with_4_and_the_reason_when_the_coordinator_refuses(string[] verb)
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Control.Answer = _ => new ControlReply(false, "would lose the last copy of group 2", "");
        edge.View.Current = edge.View.Current with { Operations = [FakeControl.Operation(OperationState.Running)] };

        var (code, _, error) = await Run(edge, [.. verb, "--yes"]);

        Assert.Equal(ExitCodes.Refused, code);
        Assert.Equal("pangu: refused: would lose the last copy of group 2", error.TrimEnd());
    }

    [Theory]
    [MemberData(nameof(Acts))]
    public async Task Act_should_end_with_3_when_there_is_no_coordinator(string[] verb)
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Control.Answer = _ => throw new ControlUnavailableException("the coordinator moves");

        var (code, _, error) = await Run(edge, [.. verb, "--yes"]);

        Assert.Equal(ExitCodes.Unreachable, code);
        Assert.Contains("the coordinator moves", error, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Acts))]
    public async Task Act_should_do_nothing_when_there_is_nobody_to_ask(string[] verb)
    {
        if (!System.Console.IsInputRedirected)
            Assert.Skip("somebody is at this terminal");
        await using var edge = await EdgeFixture.StartAsync();

        var (code, _, error) = await Run(edge, verb);

        Assert.Equal(ExitCodes.Usage, code);
        Assert.Contains("--yes", error, StringComparison.Ordinal);
        Assert.Empty(edge.Control.Commands);
    }

    [Theory]
    [InlineData(2, "'n' is the beginning of several nodes: n1, n2", "drain", "n")]
    [InlineData(2, "'n' is the beginning of several nodes: n1, n2", "cordon", "n")]
    [InlineData(1, "there is no node 'x'", "drain", "x")]
    [InlineData(2, "N 0: expected 1 .. 1024", "scale", "0")]
    [InlineData(2, "N 1025: expected 1 .. 1024", "scale", "1025")]
    [InlineData(2, "--timeout 2d: expected 1s .. 1d", "drain", "n2", "--timeout", "2d")]
    [InlineData(2, "give one of them", "scale", "3", "--wait", "--no-wait")]
    [InlineData(2, "--since soon", "events", "--since", "soon")]
    public async Task Verb_should_say_what_is_wrong_when_an_argument_is(int expected, string says, params string[] args)
    {
        await using var edge = await EdgeFixture.StartAsync();

        var (code, _, error) = await Run(edge, args);

        Assert.Equal(expected, code);
        Assert.Contains(says, error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
        Assert.Empty(edge.Control.Commands);
    }

    [Fact]
    public async Task Drain_should_show_its_steps_and_end_with_0_when_it_is_done()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Control.Operate(FakeControl.Operation(OperationState.Running, 1), FakeControl.Operation(OperationState.Done, 3, "n2 is empty"));

        var (code, output, error) = await Run(edge, "drain", "n2", "--yes", "--timeout", "90s", "--leave");

        Assert.Equal(ExitCodes.Done, code);
        Assert.Equal(new ControlCommand.Drain("n2", TimeSpan.FromSeconds(90), true), Assert.Single(edge.Control.Commands));
        Assert.Contains("node n2: its 1 groups and 0 running sequences move away within 90 s; then it leaves", output, StringComparison.Ordinal);
        Assert.Contains("done: drain n2 (op-1): n2 is empty", output, StringComparison.Ordinal);
        Assert.Contains("1/3 moving group 2", error, StringComparison.Ordinal);
        Assert.Contains("3/3 n2 is empty", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OperationState.Failed, 2000, ExitCodes.Failed, "failed: drain n2 (op-1): n1 died")]
    [InlineData(OperationState.Failed, 61000, ExitCodes.TimedOut, "timed out: drain n2 (op-1): n1 died")]
    [InlineData(OperationState.Aborted, 2000, ExitCodes.Failed, "aborted: drain n2 (op-1): n1 died")]
    public async Task Drain_should_end_with_the_code_of_its_outcome_when_it_is_not_done(OperationState state, long ended, int expected, string says)
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Control.Operate(FakeControl.Operation(state, 1, "n1 died", ended));

        var (code, json, error) = await Run(edge, "drain", "n2", "--yes", "--timeout", "60s", "-o", "json");

        Assert.Equal(expected, code);
        Assert.Contains(says, error, StringComparison.Ordinal);
        Assert.Equal(state.ToString().ToLowerInvariant(), JsonDocument.Parse(json).RootElement.GetProperty("operation").GetProperty("state").GetString());
    }

    [Fact]
    public async Task Scale_should_end_with_5_and_the_operation_s_name_when_it_takes_too_long()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Control.Operate(FakeControl.Operation(OperationState.Running, kind: OperationKind.Scale));

        var (code, output, error) = await Run(edge, "scale", "4", "--yes", "--timeout", "1s");

        Assert.Equal(ExitCodes.TimedOut, code);
        Assert.Contains("scale from 2 to 4 nodes: 2 will be started", output, StringComparison.Ordinal);
        Assert.Contains("scale 4 (op-1) goes on: 'pangu operations' shows it, 'pangu abort op-1' ends it", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Scale_should_return_with_the_name_when_told_not_to_wait()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Control.Operate(FakeControl.Operation(OperationState.Running, kind: OperationKind.Scale));

        var (code, json, _) = await Run(edge, "scale", "4", "--yes", "--no-wait", "-o", "json");

        Assert.Equal(ExitCodes.Done, code);
        Assert.Equal("op-1", JsonDocument.Parse(json).RootElement.GetProperty("operation").GetProperty("id").GetString());
    }

    [Fact]
    public async Task Rebalance_should_say_so_when_there_is_nothing_to_do()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Control.Plan = new PlacementPlan([], [], []);
        edge.Control.Answer = _ => new ControlReply(true, "the groups are even", "");

        var (code, output, _) = await Run(edge, "rebalance", "--yes");

        Assert.Equal(ExitCodes.Done, code);
        Assert.Contains("nothing to do: the groups are even", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rebalance_should_print_the_plan_and_change_nothing_when_simulated()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var (code, table, _) = await Run(edge, "rebalance", "--simulate");
        var (_, json, _) = await Run(edge, "rebalance", "--simulate", "-o", "json");

        Assert.Equal(ExitCodes.Done, code);
        Assert.Matches(@"GROUP +FROM +TO +SIZE +FILE", table);
        Assert.Matches(@"1 +n1 +n2 +1000 B +fetched from a peer", table);
        Assert.Contains("1 move, 1000 B to fetch; groups per node: n1 2 -> 1, n2 1 -> 2", table, StringComparison.Ordinal);
        Assert.Contains("fewer replicas than wanted, for want of nodes or memory: groups 2", table, StringComparison.Ordinal);
        Assert.True(JsonDocument.Parse(json).RootElement.GetProperty("moves")[0].GetProperty("fetches").GetBoolean());
        Assert.Empty(edge.Control.Commands);
    }

    [Fact]
    public async Task Operations_should_list_them_when_asked_and_abort_should_find_one_by_its_beginning()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.View.Current = edge.View.Current with { Operations = [FakeControl.Operation(OperationState.Running, 1)] };

        var (_, table, _) = await Run(edge, "operations");
        var (_, json, _) = await Run(edge, "operations", "-o", "json");
        var (code, _, _) = await Run(edge, "abort", "op", "--yes");

        Assert.Matches(@"op-1 +drain +n2 +running +1/3 +\w+ +\w+ +moving group 2", table);
        Assert.Equal("drain", JsonDocument.Parse(json).RootElement.GetProperty("operations")[0].GetProperty("kind").GetString());
        Assert.Equal(ExitCodes.Done, code);
        Assert.Equal(new ControlCommand.Abort("op-1"), Assert.Single(edge.Control.Commands));
    }

    [Fact]
    public async Task Nodes_and_groups_should_tell_duty_suspicion_and_replicas_when_there_are_some()
    {
        await using var edge = await EdgeFixture.StartAsync();
        var now = edge.View.Current;
        edge.View.Current = now with
        {
            Nodes = [now.Nodes[0] with { Duty = NodeDuty.Cordoned }, now.Nodes[1] with { Duty = NodeDuty.Drains, Suspected = true }],
            Groups = [now.Groups[0] with { Replicas = [new GroupReplicaInfo("n2", GroupReplicaInfo.Fetching, 2, 250), new GroupReplicaInfo("n1", "Ready", 1, 0)] }],
            WantedReplicas = 2, Coordinator = "n2", PlacementEpoch = 17,
        };

        var (_, nodes, _) = await Run(edge, "nodes");
        var (_, groups, _) = await Run(edge, "groups");
        var (_, status, _) = await Run(edge, "status");
        var (_, json, _) = await Run(edge, "status", "-o", "json");

        Assert.Matches(@"n1 +Up,cordoned ", nodes);
        Assert.Matches(@"n2 +Up,draining,suspected ", nodes);
        Assert.Contains("n1 n2:Fetching:25%", groups, StringComparison.Ordinal);
        Assert.Matches(@"coordinator +n2", status);
        Assert.Matches(@"replicas +2 wanted", status);
        var root = JsonDocument.Parse(json).RootElement;
        Assert.Equal(("drains", true, "17"), (root.GetProperty("nodes")[1].GetProperty("duty").GetString(),
            root.GetProperty("nodes")[1].GetProperty("suspected").GetBoolean(), root.GetProperty("placement_epoch").GetString()));
    }

    [Fact]
    public async Task Events_should_be_listed_oldest_first_when_asked()
    {
        await using var edge = await EdgeFixture.StartAsync();
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        edge.Events.Recent = [FakeEvents.Event(1000), FakeEvents.Event(now, ClusterEventKind.NodeUp, null)];

        var (code, table, _) = await Run(edge, "events");
        var (_, late, _) = await Run(edge, "events", "--since", "1h", "-o", "json");

        Assert.Equal(ExitCodes.Done, code);
        Assert.Matches(@"TIME \(UTC\) +EVENT +SUBJECT +TOOK +SEEN BY +DETAIL", table);
        Assert.Matches(@"1970-01-01 00:00:01.000 +Rerouted +n2 +38.5 ms +n1 +groups 2 go to n1", table);
        var root = JsonDocument.Parse(late).RootElement;
        Assert.Equal("node_up", root.GetProperty("kind").GetString());
        Assert.False(root.TryGetProperty("duration_ms", out _));
    }

    [Fact]
    public void Kinds_should_have_the_same_names_on_the_wire()
    {
        foreach (var kind in Enum.GetValues<ClusterEventKind>())
            Assert.Equal(kind.ToString(), ControlWritingOf(kind));
        foreach (var kind in Enum.GetValues<OperationKind>())
            Assert.Equal(kind.ToString(), Node.Services.ControlWriting.ToWire(FakeControl.Operation(OperationState.Done, kind: kind)).Kind.ToString());
        foreach (var state in Enum.GetValues<OperationState>())
            Assert.Equal(state.ToString(), Node.Services.ControlWriting.ToWire(FakeControl.Operation(state)).State.ToString());
        Assert.Equal(Enum.GetNames<NodeDuty>(), Enum.GetNames<Pangu.V1.Node.Types.Duty>());
    }

    private static string ControlWritingOf(ClusterEventKind kind) => Node.Services.ControlWriting.ToWire(FakeEvents.Event(1, kind)).Kind.ToString();

    private static async Task<(int Code, string Output, string Error)> Run(EdgeFixture edge, params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        int code = await CommandLine.RunAsync([.. args, "--server", edge.Grpc.Authority], output, error);
        return (code, output.ToString(), error.ToString());
    }
}
