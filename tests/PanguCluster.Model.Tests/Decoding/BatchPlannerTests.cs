using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using PanguCluster.Model.Decoding;
using Xunit;

namespace PanguCluster.Model.Tests.Decoding;

public sealed class BatchPlannerTests
{
    /// <summary>Sequences that arrive over time; each fits the cache alone.</summary>
    /// <param name="Jobs">Steps after the previous arrival, prompt, answer.</param>
    public sealed record Scenario(int MaxRows, int MaxSequences, int Blocks, (int Delay, int Prompt, int Answer)[] Jobs, int PrefillRows = 1000);

    public static class Scenarios
    {
        public static Arbitrary<Scenario> Scenario()
        {
            var gen =
                from maxRows in Gen.Elements(1, 3, 16, 64, 200)
                from maxSequences in Gen.Choose(1, 12)
                from blocks in Gen.Choose(1, 9)
                from jobs in Job(blocks * KvBlockPool.BlockPositions).NonEmptyListOf()
                from prefillRows in Gen.Elements(1, 5, 32, 1000)
                select new Scenario(maxRows, Math.Min(maxSequences, maxRows), blocks, [.. jobs.Take(14)], prefillRows);
            return gen.ToArbitrary();
        }

        private static Gen<(int, int, int)> Job(int positions) =>
            from delay in Gen.Frequency((3, Gen.Constant(0)), (1, Gen.Choose(1, 60)))
            from prompt in Gen.Choose(1, positions)
            from answer in Gen.Choose(1, Math.Min(150, positions + 1 - prompt))
            select (delay, prompt, answer);
    }

    [Property(MaxTest = 400, Arbitrary = [typeof(Scenarios)])]
    public void Planner_should_keep_every_rule_and_finish_every_sequence(Scenario scenario) => Run(scenario, Plan);

    [Fact]
    public void Planner_should_preempt_when_answers_outgrow_the_cache()
    {
        var simulation = Run(new Scenario(64, 8, 5, [(0, 60, 150), (0, 60, 150), (0, 60, 150)]), Plan);
        Assert.InRange(simulation.Preemptions, 1, 10);
    }

    [Fact]
    public void Planner_should_finish_a_sequence_that_fills_the_whole_cache() => Run(new Scenario(10, 4, 3, [(0, 192, 1), (0, 1, 192)]), Plan);

    [Fact]
    public void Planner_should_fill_the_step_with_the_prompt_when_one_stream_decodes()
    {
        var plan = new StepPlan(4);
        BatchPlanner.Plan([new(11, 10, 1, 100), new(500, 64, 8, 600)], [], new PlanLimits(32, 4, 5), plan);
        Assert.Equal([new(0, 10, 1, true), new(1, 64, 31, false)], plan.Entries.ToArray());
    }

    [Fact]
    public void Planner_should_give_prefill_the_whole_step_only_when_nobody_decodes()
    {
        var plan = new StepPlan(4);
        var limits = new PlanLimits(32, 4, 9) { PrefillRows = 8 };
        BatchPlanner.Plan([new(11, 10, 1, 100), new(500, 64, 8, 600)], [new(5, 0, 0, 10)], limits, plan);
        Assert.Equal([new(0, 10, 1, true), new(1, 64, 8, false)], plan.Entries.ToArray());
        BatchPlanner.Plan([new(500, 64, 8, 600)], [new(5, 0, 0, 10)], limits, plan);
        Assert.Equal([new(0, 64, 32, false)], plan.Entries.ToArray());
    }

    [Theory]
    [InlineData(2, 0)] // 2 blocks of prompt and one of headroom
    [InlineData(3, 1)]
    public void Planner_should_admit_only_with_a_block_of_headroom(int freeBlocks, int admitted)
    {
        var plan = new StepPlan(4);
        BatchPlanner.Plan([], [new(100, 0, 0, 400)], new PlanLimits(32, 4, freeBlocks), plan);
        Assert.Equal(admitted, plan.Admitted.Length);
    }

    [Fact]
    public void Planner_should_not_let_a_small_sequence_overtake_a_large_one()
    {
        var plan = new StepPlan(4);
        BatchPlanner.Plan([new(10, 9, 1, 100)], [new(400, 0, 0, 500), new(5, 0, 0, 10)], new PlanLimits(32, 4, 4), plan);
        Assert.True(plan.Admitted.IsEmpty);
    }

    [Theory]
    [InlineData(3, 0, 4, 1)] // 6 blocks and one of headroom, 3 of them shared with somebody
    [InlineData(3, 0, 3, 0)]
    [InlineData(3, 2, 6, 1)] // 2 of the 3 are free until they are taken
    [InlineData(3, 2, 5, 0)]
    public void Planner_should_count_only_the_blocks_a_sequence_takes_when_it_shares(int shared, int unheld, int freeBlocks, int admitted)
    {
        var plan = new StepPlan(4);
        BatchPlanner.Plan([], [new(340, shared * 64, shared, 600) { Unheld = unheld }], new PlanLimits(1000, 4, freeBlocks), plan);
        Assert.Equal(admitted, plan.Admitted.Length);
        if (admitted == 1)
            Assert.Equal([new(0, 192, 148, true)], plan.Entries.ToArray());
    }

    [Fact]
    public void Planner_should_let_others_pass_when_a_sequence_waits_for_what_it_will_share()
    {
        var plan = new StepPlan(4);
        var follower = new SequenceView(100, 0, 0, 200) { Follows = true };
        BatchPlanner.Plan([new(100, 32, 2, 200)], [follower, new(20, 0, 0, 30), follower, new(9, 0, 0, 30)], new PlanLimits(90, 4, 9), plan);
        Assert.Equal([1, 3], plan.Admitted.ToArray());
        Assert.Equal([new(0, 32, 68, true), new(1, 0, 20, true), new(2, 0, 2, false)], plan.Entries.ToArray());
    }

    [Fact]
    public void Planner_should_not_count_a_shared_block_as_freed_when_its_first_holder_stays()
    {
        var plan = new StepPlan(4);
        // Two of the last one's three blocks stay with the first: one block comes free, and the second sequence must go too.
        SequenceView[] running = [new(129, 128, 2, 300), new(65, 64, 1, 300), new(193, 192, 3, 300) { Shared = 2 }];
        BatchPlanner.Plan(running, [], new PlanLimits(90, 4, 0), plan);
        Assert.Equal(2, plan.Preempted);
        BatchPlanner.Plan([running[0], running[1], running[2] with { Shared = 0 }], [], new PlanLimits(90, 4, 0), plan);
        Assert.Equal(1, plan.Preempted);
    }

    /// <summary>The checker has to catch planners that break a rule; otherwise the properties above say nothing.</summary>
    [Theory]
    [InlineData("every running stream has its row", 0)]
    [InlineData("nobody is preempted without need", 1)]
    [InlineData("no more blocks than the cache has", 2)]
    [InlineData("every position is fed once", 3)]
    [InlineData("no more rows than the limit", 4)]
    [InlineData("those who decode wait for a small piece of prefill only", 5)]
    public void Simulation_should_catch_a_planner_that_breaks_a_rule(string rule, int fault)
    {
        var scenario = new Scenario(16, 4, 4, [(0, 100, 60), (0, 40, 60), (0, 30, 60), (0, 10, 5)], 8);
        var error = Assert.Throws<InvalidOperationException>(() => Run(scenario, (r, w, l, p) => FaultyPlan(fault, r, w, l, p)));
        Assert.Contains(rule, error.Message, StringComparison.Ordinal);
    }

    private static void Plan(SequenceView[] running, SequenceView[] waiting, PlanLimits limits, StepPlan plan) =>
        BatchPlanner.Plan(running, waiting, limits, plan);

    private static void FaultyPlan(int fault, SequenceView[] running, SequenceView[] waiting, PlanLimits limits, StepPlan plan)
    {
        switch (fault)
        {
            case 0 when running.Any(s => s.Pending > 1):
                // Whole prompts first.
                plan.Clear();
                for (int i = 0; i < running.Length && plan.TotalRows < limits.MaxRows; i++)
                    if (running[i].Pending > 1)
                        plan.Add(new PlannedRows(i, running[i].Cached, Math.Min(running[i].Pending, limits.MaxRows), running[i].Pending <= limits.MaxRows));
                return;
            case 1 when running.Length > 1:
                Plan(running[..^1], [], limits, plan);
                plan.Preempted = 1;
                return;
            case 2:
                Plan(running, waiting, limits with { FreeBlocks = 100 }, plan);
                return;
            case 3:
                Plan([.. running.Select(s => s with { Cached = Math.Max(0, s.Cached - 1) })], waiting, limits, plan);
                return;
            case 4:
                Plan(running, waiting, limits with { MaxRows = limits.MaxRows + 1 }, plan);
                return;
            case 5:
                Plan(running, waiting, limits with { PrefillRows = limits.PrefillRows + 1 }, plan);
                return;
            default:
                Plan(running, waiting, limits, plan);
                return;
        }
    }

    private static PlannerSimulation Run(Scenario scenario, Action<SequenceView[], SequenceView[], PlanLimits, StepPlan> planner)
    {
        var simulation = new PlannerSimulation(scenario.MaxRows, scenario.PrefillRows, scenario.MaxSequences, scenario.Blocks, planner);
        foreach (var (delay, prompt, answer) in scenario.Jobs)
        {
            for (int i = 0; i < delay && !simulation.Done; i++)
                simulation.Step();
            simulation.Arrive(prompt, answer);
        }
        int limit = simulation.Steps + 1_000_000;
        while (!simulation.Done)
        {
            simulation.Step();
            Assert.True(simulation.Steps < limit, "the sequences do not come to an end");
        }
        return simulation;
    }
}
