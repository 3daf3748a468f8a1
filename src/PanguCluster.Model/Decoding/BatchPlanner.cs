namespace PanguCluster.Model.Decoding;

/// <summary>
/// Decides one step of continuous batching: a pure function of the sequences' states and the limits. What it decides can never be seen in
/// the output, as a row's bits do not depend on its batch (NUMERICS.md).
/// </summary>
/// <remarks>
/// Why every sequence ends: the first of the running list is preempted by nobody but itself, which happens only when it is alone and the
/// cache is full, and a sequence that does not fit the whole cache is not accepted. It has a row in every step, so it ends; then the next
/// one is first. A preempted sequence goes to the head of the queue, so nobody overtakes it, except while it follows one that is computing
/// what both need. Who is followed is ahead of the follower, has a row in every step, and each time the follower has more to share.
/// </remarks>
public static class BatchPlanner
{
    /// <param name="running">In the order of admission.</param>
    /// <param name="waiting">In the order of arrival, preempted sequences at the head.</param>
    /// <param name="limits">Rows, sequences and free blocks.</param>
    /// <param name="plan">Receives the plan.</param>
    public static void Plan(ReadOnlySpan<SequenceView> running, ReadOnlySpan<SequenceView> waiting, PlanLimits limits, StepPlan plan)
    {
        plan.Clear();
        int free = limits.FreeBlocks;
        int kept = PlanDecoding(running, ref free, plan);
        plan.Preempted = running.Length - kept;
        int rows = limits.MaxRows - plan.TotalRows;
        if (plan.TotalRows > 0)
            rows = Math.Min(rows, limits.PrefillRows);
        for (int i = 0; i < kept && rows > 0; i++)
            if (running[i].Pending > 1)
                rows -= AddChunk(plan, i, running[i], rows);

        // A step that had to preempt admits nobody: the blocks it freed are for those who were short of them.
        if (plan.Preempted == 0)
            PlanAdmission(running.Length, waiting, limits, free, rows, plan);
    }

    /// <summary>
    /// Blocks a waiting sequence must find free: those of its tokens and one of headroom, but never more than it can use, less those it shares
    /// with somebody who holds them.
    /// </summary>
    public static int BlocksToAdmit(SequenceView sequence) =>
        Math.Min(KvBlockPool.BlocksFor(sequence.Length) + 1, KvBlockPool.BlocksFor(sequence.MaxPositions)) - Held(sequence);

    private static int Held(SequenceView waiting) => waiting.Blocks - waiting.Unheld;

    /// <summary>One row for every decoding sequence; who needs a block when none is free takes those of the most recently admitted.</summary>
    /// <returns>How many of the running sequences keep running.</returns>
    private static int PlanDecoding(ReadOnlySpan<SequenceView> running, ref int free, StepPlan plan)
    {
        int kept = running.Length;
        for (int i = 0; i < kept; i++)
        {
            var s = running[i];
            if (s.Pending > 1)
                continue;
            int missing = KvBlockPool.BlocksFor(s.Length) - s.Blocks;
            while (free < missing && kept > i)
            {
                kept--;
                free += running[kept].Blocks - running[kept].Shared;
            }
            if (kept == i)
                break;
            free -= missing;
            plan.Add(new PlannedRows(i, s.Cached, 1, Last: true));
        }
        return kept;
    }

    private static int AddChunk(StepPlan plan, int index, SequenceView s, int rows)
    {
        int count = Math.Min(s.Pending, rows);
        plan.Add(new PlannedRows(index, s.Cached, count, Last: count == s.Pending));
        return count;
    }

    private static void PlanAdmission(
        int running, ReadOnlySpan<SequenceView> waiting, PlanLimits limits, int free, int rows, StepPlan plan)
    {
        for (int i = 0; i < waiting.Length && rows > 0 && running < limits.MaxSequences; i++)
        {
            var s = waiting[i];
            if (s.Follows)
                continue;
            if (BlocksToAdmit(s) > free)
                return;
            // Two that share the same unheld blocks both count them: too careful by a step, never wrong.
            free -= KvBlockPool.BlocksFor(s.Length) - Held(s);
            rows -= AddChunk(plan, running++, s, rows);
            plan.Admit(i);
        }
    }
}
