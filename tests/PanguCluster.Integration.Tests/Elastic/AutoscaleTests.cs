using PanguCluster.Chaos.Load;
using PanguCluster.Chaos.Processes;
using System.Globalization;
using Pangu.V1;
using PanguCluster.Integration.Tests.Processes;
using PanguCluster.Integration.Tests.Storm;
using PanguCluster.Node.Launch;
using Xunit;

namespace PanguCluster.Integration.Tests.Elastic;

/// <summary>A node that may become two: it does when callers wait for its memory, and is alone again when nobody calls.</summary>
public class AutoscaleTests(ITestOutputHelper output)
{
    private const int Callers = 12;

    [Fact]
    public async Task Cluster_should_grow_when_callers_wait_and_shrink_when_nobody_calls()
    {
        var requests = MixedRequests.Mixed(Callers);
        var expected = await KillStormTests.ExpectedAsync(requests);
        string folder = Directory.CreateTempSubdirectory("pangu-launched-").FullName;
        try
        {
            // Memory for two or three of the callers.
            await using var node = await ServeNode.StartReadyAsync(
                "--model", Repository.Nano, "--kv-blocks", "64", "--launcher", "local", "--launch-folder", folder, "--autoscale", "1-2", "--autoscale-wait", "1s", "--autoscale-kv", "100",
                "--autoscale-cooldown", "1s,4s", "--exit-with-process", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            var load = new MixedLoad(requests, expected, [node.Grpc]);
            bool over = false;
            var running = load.RunAsync(() => over);
            await node.UntilAsync(c => c.Nodes.Count(n => n.Status == "Up") == 2);
            over = true;
            await running.WaitAsync(TimeSpan.FromSeconds(180));
            await node.UntilAsync(c => c.Nodes.Count == 1 && c.Ready);

            var decisions = (await node.Client.GetEventsAsync()).Where(e => e.Kind == ClusterEvent.Types.Kind.Autoscale).ToList();
            foreach (var decision in decisions)
                output.WriteLine($"{decision.Subject}: {decision.Detail}");
            Assert.Equal(["2 nodes", "1 nodes"], decisions.Select(d => d.Subject));
            Assert.Contains("wait", decisions[0].Detail, StringComparison.Ordinal);
            Assert.Empty(load.Faults);
        }
        finally
        {
            foreach (string mark in Directory.GetFiles(folder, "*.process"))
                if (ProcessMark.Parse(await File.ReadAllTextAsync(mark)) is { IsAlive: true } left)
                    Signals.Send("KILL", left.Id);
            Directory.Delete(folder, recursive: true);
        }
    }
}
