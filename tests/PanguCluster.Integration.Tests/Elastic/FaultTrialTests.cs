using PanguCluster.Chaos.Load;
using PanguCluster.Chaos.Processes;
using System.Globalization;
using PanguCluster.Integration.Tests.Processes;
using PanguCluster.Integration.Tests.Storm;
using Xunit;

namespace PanguCluster.Integration.Tests.Elastic;

/// <summary>
/// Nodes are killed and stopped under a steady load of 16 streams, which stall for a moment and go on with the same bytes. PANGU_FAULTS=100 makes the long run of
/// each, PANGU_STORM_SEED another one; the figures are in the test's output.
/// </summary>
public class FaultTrialTests(ITestOutputHelper output)
{
    private const int Callers = 16;

    private static readonly int Times = KillStormTests.Setting("PANGU_FAULTS", 2);

    private static readonly string[] Experts = ["--roles", "expert"];

    private static readonly string[] Gateway = ["--roles", "gateway,expert"];

    private static readonly string[] Decoders = ["--roles", "decoder,expert"];

    [Fact]
    public Task Streams_should_go_on_when_an_expert_node_is_killed_and_its_groups_have_a_replica() =>
        KillAsync("expert node killed, 2 replicas", replicas: 2, [[], Experts, Experts, Experts], [1, 2, 3]);

    [Fact]
    public Task Streams_should_go_on_when_the_only_owner_of_a_group_is_killed() =>
        KillAsync("expert node killed, 1 replica and stand-ins", replicas: 1, [[], Experts, Experts, Experts], [1, 2, 3]);

    [Fact]
    public Task Streams_should_go_on_when_a_decoder_node_is_killed() =>
        KillAsync("decoder node killed, 2 replicas", replicas: 2, [Gateway, Decoders, Decoders, Decoders], [1, 2, 3]);

    [Fact]
    public async Task Streams_should_go_on_when_an_expert_node_hangs()
    {
        await using var trial = await Trial.StartAsync(replicas: 2, [[], Experts, Experts, Experts]);
        int victim = 0;
        await trial.RunAsync(
            Times, 1.5,
            i =>
            {
                victim = 1 + i % 3;
                trial.Cluster.Nodes[victim].Program.Signal("STOP");
                return Task.CompletedTask;
            },
            _ =>
            {
                trial.Cluster.Nodes[victim].Program.Signal("CONT");
                return Task.CompletedTask;
            });
        trial.Check(output, "expert node stopped for 1.5 s, 2 replicas");
    }

    [Fact]
    public async Task Streams_should_go_on_when_an_expert_node_can_no_longer_be_reached()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "network namespaces need root");
        await using var network = await NodeNetwork.CreateAsync(4);
        await using var trial = await Trial.StartAsync(replicas: 2, [[], Experts, Experts, Experts], network);
        int victim = 0;
        await trial.RunAsync(
            Times, 1.5,
            i =>
            {
                victim = 1 + i % 3;
                network.Cut(victim);
                return Task.CompletedTask;
            },
            _ =>
            {
                network.Mend(victim);
                return Task.CompletedTask;
            });
        trial.Check(output, "all that goes to or from an expert node lost for 1.5 s, 2 replicas");
    }

    private async Task KillAsync(string fault, int replicas, string[][] roles, int[] victims)
    {
        await using var trial = await Trial.StartAsync(replicas, roles);
        await trial.RunAsync(
            Times, 1.0,
            i =>
            {
                trial.Cluster.Kill(victims[i % victims.Length]);
                return Task.CompletedTask;
            },
            i => trial.Cluster.StartAgainAsync(victims[i % victims.Length]));
        trial.Check(output, fault);
    }

    /// <summary>A cluster, its load, and the trial of both.</summary>
    private sealed class Trial : IAsyncDisposable
    {
        private readonly MixedLoad _load;
        private FaultTrial? _trial;

        private Trial(NodeCluster cluster, MixedLoad load)
        {
            Cluster = cluster;
            _load = load;
        }

        public NodeCluster Cluster { get; }

        public static async Task<Trial> StartAsync(int replicas, string[][] roles, NodeNetwork? network = null)
        {
            var requests = MixedRequests.Mixed(Callers);
            var expected = await KillStormTests.ExpectedAsync(requests);
            var cluster = await NodeCluster.StartAsync(roles, network is null ? Journals.Fresh() : "memory", ["--replicas", replicas.ToString(CultureInfo.InvariantCulture)], replicas, network);
            return new Trial(cluster, new MixedLoad(requests, expected, cluster.Gateways));
        }

        public async Task RunAsync(int times, double felt, Func<int, Task> strike, Func<int, Task> mend)
        {
            _trial = new FaultTrial(Cluster, _load, Callers, new Random(KillStormTests.Setting("PANGU_STORM_SEED", 1))) { Felt = felt };
            bool over = false;
            var running = _load.RunAsync(() => over);
            try
            {
                await _trial.RunAsync(times, strike, mend);
            }
            finally
            {
                over = true;
            }
            await running.WaitAsync(TimeSpan.FromSeconds(180));
        }

        public void Check(ITestOutputHelper output, string fault)
        {
            output.WriteLine(_trial!.Report(fault));
            foreach (string harm in _load.Faults)
                output.WriteLine(harm);
            Assert.Empty(_load.Faults);
            Assert.NotEmpty(_trial.Stalls());
        }

        public ValueTask DisposeAsync() => Cluster.DisposeAsync();
    }
}
