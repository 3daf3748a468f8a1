namespace PanguCluster.Model.Decoding;

/// <summary>What the planner sees of one sequence.</summary>
/// <param name="Length">Tokens known: prompt and answer so far.</param>
/// <param name="Cached">Positions already in the KV cache; below <paramref name="Length"/>, as the newest token is always still to be fed.</param>
/// <param name="Blocks">KV blocks held; while waiting, those it can share.</param>
/// <param name="MaxPositions">Most positions it will ever have in the cache.</param>
public readonly record struct SequenceView(int Length, int Cached, int Blocks, int MaxPositions)
{
    /// <summary>Running: those of the blocks that an earlier running sequence holds too, so that they do not come free with this one.</summary>
    public int Shared { get; init; }

    /// <summary>Waiting: those of the blocks that nobody holds, so that they count as free until this one takes them.</summary>
    public int Unheld { get; init; }

    /// <summary>Waiting: whether somebody ahead of it is about to compute what it needs next. It starts when that is there to be shared.</summary>
    public bool Follows { get; init; }

    /// <summary>Tokens known but not in the cache: 1 for a decoding sequence, more for one that is (re)prefilled.</summary>
    public int Pending => Length - Cached;
}

/// <param name="MaxRows">Most rows of a step.</param>
/// <param name="MaxSequences">Most sequences running at once; no more than <paramref name="MaxRows"/>, so that each can have a row.</param>
/// <param name="FreeBlocks">KV blocks that nobody holds.</param>
public readonly record struct PlanLimits(int MaxRows, int MaxSequences, int FreeBlocks)
{
    /// <summary>Most prefill rows of a step in which others decode: they wait for its end with their next token.</summary>
    public int PrefillRows { get; init; } = int.MaxValue;
}

/// <summary>Rows of one sequence in a step: tokens at positions Start .. Start + Count - 1.</summary>
/// <param name="Sequence">Index in the running list after the plan's preemptions and admissions.</param>
/// <param name="Start">First position.</param>
/// <param name="Count">Rows, at least one.</param>
/// <param name="Last">Whether the newest known token is among them, so that the next one can be drawn.</param>
public readonly record struct PlannedRows(int Sequence, int Start, int Count, bool Last);

/// <summary>One step: how many leave and join the running list, and the rows. Refilled by the planner, allocated once.</summary>
public sealed class StepPlan(int maxSequences)
{
    private readonly PlannedRows[] _rows = new PlannedRows[maxSequences];
    private readonly int[] _admitted = new int[maxSequences];
    private int _count;
    private int _admittedCount;

    /// <summary>How many of the most recently admitted running sequences give up their blocks and go back to the head of the queue.</summary>
    public int Preempted { get; set; }

    /// <summary>
    /// Places in the waiting queue of those who start, ascending, after the preempted have left. Each gets blocks for all its tokens: the
    /// shared ones first, before anybody takes a free block.
    /// </summary>
    public ReadOnlySpan<int> Admitted => _admitted.AsSpan(0, _admittedCount);

    /// <summary>Rows of all entries.</summary>
    public int TotalRows { get; private set; }

    /// <summary>In row order: decoding sequences first, then prefill chunks, each in admission order.</summary>
    public ReadOnlySpan<PlannedRows> Entries => _rows.AsSpan(0, _count);

    public void Clear()
    {
        _count = 0;
        TotalRows = 0;
        Preempted = 0;
        _admittedCount = 0;
    }

    public void Admit(int waiting) => _admitted[_admittedCount++] = waiting;

    public void Add(PlannedRows rows)
    {
        _rows[_count++] = rows;
        TotalRows += rows.Count;
    }
}
