using PanguCluster.Chaos.Processes;
using Pangu.V1;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests.Console;

/// <summary>The verbs that act, against real processes, asked at a node that is not the coordinator's.</summary>
[Collection(nameof(ConsoleCluster))]
public sealed class ActVerbTests(ConsoleCluster cluster)
{
    [Fact]
    public async Task Cordon_and_uncordon_should_take_a_beginning_say_what_they_do_and_refuse_the_last_node()
    {
        var unasked = await cluster.RunAsync(2, "cordon", "west-1");
        Assert.Equal("node west-1: takes no new groups and sequences; what it has it keeps\n", unasked.Output);
        Assert.Contains("nothing is done", unasked.Error, StringComparison.Ordinal);
        Assert.Contains("'east' is the beginning of several nodes: east-1, east-2", (await cluster.RunAsync(2, "cordon", "east", "--yes")).Error, StringComparison.Ordinal);
        Assert.Contains("there is no node 'north'; 'pangu nodes' lists", (await cluster.RunAsync(1, "uncordon", "north", "--yes")).Error, StringComparison.Ordinal);
        Assert.Contains("NODE is missing", (await cluster.RunAsync(2, "cordon")).Error, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^west-1 +Up ", (await cluster.RunAsync(0, "nodes")).Output);

        Assert.EndsWith("node west-1 is cordoned\n", (await cluster.RunAsync(0, "cordon", "w", "--yes")).Output, StringComparison.Ordinal);
        await cluster.Asked.UntilAsync(c => Duty(c, "west-1") == Pangu.V1.Node.Types.Duty.Cordoned);
        Assert.Matches(@"(?m)^west-1 +Up,cordoned +\S+ +[56] ", (await cluster.RunAsync(0, "nodes")).Output);
        var again = await cluster.JsonAsync("cordon", "west-1", "--yes");
        Assert.Equal(("west-1", "west-1 is cordoned already"), (again.GetProperty("node_id").GetString(), again.GetProperty("note").GetString()));

        var second = await cluster.JsonAsync("cordon", "east-2", "--yes");
        Assert.Equal(("east-2", ""), (second.GetProperty("node_id").GetString(), second.GetProperty("note").GetString()));
        var refused = await cluster.RunAsync(4, "cordon", "east-1", "--yes");
        Assert.Equal("pangu: refused: east-1 is the last node that takes groups: a group whose owner fails would have nowhere to go\n", refused.Error);

        Assert.EndsWith("node west-1 is uncordoned\n", (await cluster.RunAsync(0, "uncordon", "w", "--yes")).Output, StringComparison.Ordinal);
        Assert.Equal("east-2", (await cluster.JsonAsync("uncordon", "east-2", "--yes")).GetProperty("node_id").GetString());
        Assert.EndsWith("\nwest-1 is not cordoned\n", (await cluster.RunAsync(0, "uncordon", "west-1", "--yes")).Output, StringComparison.Ordinal);
        await cluster.AtRestAsync();
    }

    [Fact]
    public async Task Drain_should_empty_a_node_refuse_the_last_copies_and_have_the_node_leave_when_told()
    {
        Assert.Contains("--yes", (await cluster.RunAsync(2, "drain", "west-1")).Error, StringComparison.Ordinal);
        Assert.Contains("there is no node 'north'", (await cluster.RunAsync(1, "drain", "north", "--yes")).Error, StringComparison.Ordinal);
        Assert.Contains("several nodes", (await cluster.RunAsync(2, "drain", "east-", "--yes")).Error, StringComparison.Ordinal);

        var drained = await cluster.RunAsync(0, "drain", "west", "--yes", "--timeout", "50s");
        Assert.Matches(
            @"^node west-1: its [56] groups and 0 running sequences move away within 50 s; then it stays, cordoned\ndone: drain west-1 \(\w{8}\): west-1 is empty; it stays cordoned\n$",
            drained.Output);
        Assert.Matches(@"(?m)^\d/[56] \d groups and 0 sequences left on west-1$", drained.Error);
        Assert.Matches(@"(?m)^west-1 +Up,drained +\S+ +0 ", (await cluster.RunAsync(0, "nodes")).Output);
        Assert.Matches(@"(?m)^\w{8} +drain +west-1 +done +([56])/\1 +\d+s +\d+s +west-1 is empty; it stays cordoned", (await cluster.RunAsync(0, "operations")).Output);

        var json = (await cluster.JsonAsync("drain", "east-2", "--yes")).GetProperty("operation");
        Assert.Equal(("drain", "east-2", "done", "east-2 is empty; it stays cordoned"), (json.GetProperty("kind").GetString(), json.GetProperty("subject").GetString(),
            json.GetProperty("state").GetString(), json.GetProperty("detail").GetString()));
        Assert.Equal(json.GetProperty("steps_total").GetInt32(), json.GetProperty("steps_done").GetInt32());
        Assert.Equal(8, json.GetProperty("steps_total").GetInt32());
        Assert.True(long.Parse(json.GetProperty("ended_unix_ms").GetString()!) > long.Parse(json.GetProperty("started_unix_ms").GetString()!));
        var refused = await cluster.RunAsync(4, "drain", "east-1", "--yes");
        Assert.Equal("pangu: refused: it would lose the last copy of group 0, 1, 2, 3, 4, 5, 6, 7: no other node has room for them\n", refused.Error);

        foreach (string node in (string[])["east-2", "west-1"])
            await cluster.RunAsync(0, "uncordon", node, "--yes");
        await cluster.AtRestAsync();
        var left = (await cluster.JsonAsync("drain", "west-1", "--leave", "--yes")).GetProperty("operation");
        Assert.Equal(("done", "west-1 has left"), (left.GetProperty("state").GetString(), left.GetProperty("detail").GetString()));
        var ended = await cluster.West.Program.EndAsync();
        Assert.True(ended.Code == 0, $"west-1 ended with {ended.Code}: {ended.Error}");
        Assert.DoesNotContain("west-1", (await cluster.RunAsync(0, "nodes")).Output, StringComparison.Ordinal);
        await cluster.WestComesBackAsync();
    }

    [Fact]
    public async Task Scale_should_be_left_found_and_aborted_while_it_runs()
    {
        Assert.Contains("N 0: expected 1 .. 1024", (await cluster.RunAsync(2, "scale", "0", "--yes")).Error, StringComparison.Ordinal);
        Assert.Contains("N four: expected a whole number", (await cluster.RunAsync(2, "scale", "four")).Error, StringComparison.Ordinal);
        Assert.Contains("--yes", (await cluster.RunAsync(2, "scale", "4")).Error, StringComparison.Ordinal);
        Assert.Contains("there are 3 nodes already", (await cluster.JsonAsync("scale", "3", "--yes")).GetProperty("note").GetString(), StringComparison.Ordinal);

        var begun = (await cluster.JsonAsync("scale", "4", "--yes", "--no-wait")).GetProperty("operation");
        string id = begun.GetProperty("id").GetString()!;
        Assert.Equal(("scale", "4", "running", "0"), (begun.GetProperty("kind").GetString(), begun.GetProperty("subject").GetString(),
            begun.GetProperty("state").GetString(), begun.GetProperty("ended_unix_ms").GetString()));
        await cluster.Asked.UntilAsync(c => c.Operations.Any(o => o.Id == id && o.Detail.Length > 0));
        Assert.Matches($@"(?m)^{id} +scale +4 +running +0/\d +\d+s +\d+s +\S", (await cluster.RunAsync(0, "operations")).Output);
        Assert.Matches($@"(?m)^{id} +scale +4 +running ", (await cluster.RunAsync(0, "status")).Output);
        Assert.Matches($@"(?m)^OPERATION scale 4 \({id}\) 0/\d \S", (await cluster.RunAsync(0, "top", "--once")).Output);

        var late = await cluster.RunAsync(5, "scale", "4", "--yes", "--timeout", "1s");
        Assert.Contains($"scale 4 ({id}) goes on: 'pangu operations' shows it, 'pangu abort {id}' ends it", late.Error, StringComparison.Ordinal);
        await using var waiting = RunningProgram.Pangu("scale", "4", "--yes", "--server", cluster.Asked.Grpc);
        await Wait.UntilAsync(() => waiting.Error.Contains("3 of 4 nodes up", StringComparison.Ordinal), RunningProgram.Limit, () => waiting.Error);
        waiting.Signal("INT");
        var left = await waiting.EndAsync();
        Assert.Equal(1, left.Code);
        Assert.Contains($"no longer waiting; scale 4 ({id}) goes on", left.Error, StringComparison.Ordinal);

        Assert.Contains("--yes", (await cluster.RunAsync(2, "abort", id)).Error, StringComparison.Ordinal);
        Assert.Contains("there is no operation 'xyz'", (await cluster.RunAsync(1, "abort", "xyz", "--yes")).Error, StringComparison.Ordinal);
        var aborted = await cluster.JsonAsync("abort", id[..7], "--yes");
        Assert.Equal((id, ""), (aborted.GetProperty("operation_id").GetString(), aborted.GetProperty("note").GetString()));
        await cluster.AtRestAsync();
        Assert.Matches($@"(?m)^{id} +scale +4 +aborted +\S+ +\S+ +\S+ +aborted by an operator", (await cluster.RunAsync(0, "operations")).Output);
        Assert.Equal($"{id} has ended already\n", (await cluster.RunAsync(0, "abort", id)).Output);
    }

    [Fact]
    public async Task Rebalance_should_show_its_plan_and_have_nothing_to_do_when_the_groups_are_even()
    {
        string plan = (await cluster.RunAsync(0, "rebalance", "--simulate")).Output;
        Assert.Equal("nothing to move: the groups are as even as the nodes allow\n", plan);
        var json = await cluster.JsonAsync("rebalance", "--simulate");
        Assert.Equal((0, 0), (json.GetProperty("moves").GetArrayLength(), json.GetProperty("short_groups").GetArrayLength()));
        var shares = json.GetProperty("shares").EnumerateArray().ToList();
        Assert.Equal(ConsoleCluster.Ids, shares.Select(s => s.GetProperty("node_id").GetString()!));
        Assert.Equal((16, 16), (shares.Sum(s => s.GetProperty("groups_now").GetInt32()), shares.Sum(s => s.GetProperty("groups_planned").GetInt32())));

        // Nobody has to be asked before nothing is done.
        Assert.Equal("nothing to do: the groups are in balance already\n", (await cluster.RunAsync(0, "rebalance")).Output);
        Assert.Equal("the groups are in balance already", (await cluster.JsonAsync("rebalance", "--yes")).GetProperty("note").GetString());
    }

    private static Pangu.V1.Node.Types.Duty Duty(ClusterState state, string node) => state.Nodes.Single(n => n.Id == node).Duty;
}
