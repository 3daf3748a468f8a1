using FsCheck;
using FsCheck.Xunit;
using PanguCluster.Actors.Control.Autoscaling;
using Xunit;

namespace PanguCluster.Actors.Tests.Control;

public sealed class AutoscaleRuleTests
{
    private static (AutoscaleOptions Options, AutoscaleInputs Inputs) Case(int seed)
    {
        var random = new Random(seed);
        int min = random.Next(1, 8);
        var options = new AutoscaleOptions { MinNodes = min, MaxNodes = min + random.Next(12) };
        return (options, new AutoscaleInputs(
            random.Next(1, 24), random.Next(3) == 0 ? 0 : random.Next(40), TimeSpan.FromSeconds(random.NextDouble() * 5), random.NextDouble(),
            TimeSpan.FromSeconds(random.Next(600))));
    }

    [Property(MaxTest = 2000)]
    public void Decision_should_stay_within_the_bounds_and_say_why_it_changes(DoNotSize<int> seed)
    {
        var (options, inputs) = Case(seed.Item);

        var decision = AutoscaleRule.Decide(inputs, options);

        Assert.InRange(decision.Nodes, options.MinNodes, options.MaxNodes);
        Assert.Equal(decision.Nodes == inputs.Nodes, decision.Reason.Length == 0);
    }

    [Property(MaxTest = 2000)]
    public void Decision_should_wait_for_the_cool_downs_when_the_nodes_are_within_the_bounds(DoNotSize<int> seed)
    {
        var (options, inputs) = Case(seed.Item);
        inputs = inputs with { Nodes = Math.Clamp(inputs.Nodes, options.MinNodes, options.MaxNodes) };

        int wanted = AutoscaleRule.Decide(inputs, options).Nodes;

        Assert.False(wanted > inputs.Nodes && inputs.SinceChange < options.UpCoolDown);
        Assert.False(wanted < inputs.Nodes && inputs.SinceChange < options.DownCoolDown);
    }

    [Property(MaxTest = 2000)]
    public void Decision_should_never_be_fewer_nodes_when_the_load_is_greater(DoNotSize<int> seed)
    {
        var (options, less) = Case(seed.Item);
        var random = new Random(seed.Item + 1);
        var more = less with
        {
            Waiting = less.Waiting + random.Next(5), QueueWait = less.QueueWait + TimeSpan.FromSeconds(random.NextDouble() * 3),
            KvUse = less.KvUse + random.NextDouble() * (1 - less.KvUse),
        };

        Assert.True(AutoscaleRule.Decide(more, options).Nodes >= AutoscaleRule.Decide(less, options).Nodes);
    }

    /// <summary>The same sequences, spread over however many nodes there are: once the number has settled it never changes again.</summary>
    [Property(MaxTest = 500)]
    public void Nodes_should_settle_and_not_flap_when_the_load_is_constant(DoNotSize<int> seed)
    {
        var (options, inputs) = Case(seed.Item);
        double nodesOfKv = inputs.KvUse * inputs.Nodes;
        int nodes = inputs.Nodes;
        bool shrunk = false;
        for (int round = 0; round < 60; round++)
        {
            var now = new AutoscaleInputs(nodes, 0, TimeSpan.Zero, Math.Min(1, nodesOfKv / nodes), TimeSpan.FromHours(1));
            int wanted = AutoscaleRule.Decide(now, options).Nodes;
            Assert.False(shrunk && wanted > nodes, $"grew to {wanted} after it shrank to {nodes}");
            shrunk |= wanted < nodes && nodes <= options.MaxNodes;
            nodes = wanted;
        }
        Assert.Equal("", AutoscaleRule.Decide(new(nodes, 0, TimeSpan.Zero, Math.Min(1, nodesOfKv / nodes), TimeSpan.FromHours(1)), options).Reason);
    }
}
