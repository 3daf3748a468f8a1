using PanguCluster.Model.Decoding;

namespace PanguCluster.Model.Tests.Decoding;

/// <summary>
/// Applies plans to bare numbers and holds every rule of the planner against every step. A broken rule throws
/// <see cref="InvalidOperationException"/> with its name.
/// </summary>
internal sealed class PlannerSimulation(int maxRows, int prefillRows, int maxSequences, int totalBlocks, Action<SequenceView[], SequenceView[], PlanLimits, StepPlan> planner)
{
    private readonly List<Job> _running = [];
    private readonly List<Job> _waiting = [];
    private readonly StepPlan _plan = new(maxSequences);

    public int Steps { get; private set; }
    public int Preemptions { get; private set; }
    public bool Done => _running.Count + _waiting.Count == 0;
    private int FreeBlocks => totalBlocks - _running.Sum(j => j.Blocks);

    public void Arrive(int prompt, int answer) => _waiting.Add(new Job(prompt, prompt + answer));

    public void Step()
    {
        var running = _running.Select(j => j.View).ToArray();
        var waiting = _waiting.Select(j => j.View).ToArray();
        var limits = new PlanLimits(maxRows, maxSequences, FreeBlocks) { PrefillRows = prefillRows };
        planner(running, waiting, limits, _plan);
        CheckDeterminism(running, waiting, limits);
        Require(_plan.TotalRows > 0, "a step makes progress");
        Require(_plan.TotalRows == Sum(_plan.Entries) && _plan.TotalRows <= maxRows, "no more rows than the limit");
        int kept = _running.Count - _plan.Preempted;
        Require(_running.Count == 0 || kept > 0, "the oldest sequence is never preempted");
        CheckDecodersHaveRows(running.AsSpan(0, kept));
        MoveSequences(kept);
        Feed();
        Steps++;
    }

    private void CheckDeterminism(SequenceView[] running, SequenceView[] waiting, PlanLimits limits)
    {
        var again = new StepPlan(maxSequences);
        planner(running, waiting, limits, again);
        Require(
            again.Preempted == _plan.Preempted && again.Admitted.SequenceEqual(_plan.Admitted) && again.Entries.SequenceEqual(_plan.Entries),
            "the same state gives the same plan");
    }

    private void CheckDecodersHaveRows(ReadOnlySpan<SequenceView> kept)
    {
        bool prefill = false;
        int rows = 0;
        foreach (var e in _plan.Entries)
        {
            bool decodes = e.Sequence < kept.Length && kept[e.Sequence].Pending == 1;
            Require(!(prefill && decodes), "decode rows come before prefill chunks");
            prefill |= !decodes;
            rows += decodes ? 1 : 0;
        }
        Require(rows == 0 || _plan.TotalRows - rows <= prefillRows, "those who decode wait for a small piece of prefill only");
        int decoders = 0;
        foreach (var s in kept)
            decoders += s.Pending == 1 ? 1 : 0;
        Require(rows == decoders, "every running stream has its row, whatever prompts there are");
    }

    private void MoveSequences(int kept)
    {
        if (_plan.Preempted > 0)
        {
            Require(_plan.Admitted.IsEmpty, "nobody is admitted while blocks are short");
            var (free, missing) = (FreeBlocks, _running.Take(kept + 1).Count(j => j.NeedsBlock));
            Require(missing > free, "nobody is preempted without need");
        }
        var preempted = _running[kept..];
        preempted.ForEach(j => (j.Blocks, j.Cached) = (0, 0));
        _running.RemoveRange(kept, preempted.Count);
        _waiting.InsertRange(0, preempted);
        Preemptions += preempted.Count;
        Require(_plan.Admitted.SequenceEqual(Enumerable.Range(0, _plan.Admitted.Length).ToArray()), "nobody overtakes");
        foreach (int place in _plan.Admitted)
        {
            var job = _waiting[place];
            job.Blocks = KvBlockPool.BlocksFor(job.Length);
            _running.Add(job);
        }
        _waiting.RemoveRange(0, _plan.Admitted.Length);
        Require(_running.Count <= maxSequences, "no more sequences than the limit");
    }

    private void Feed()
    {
        var fed = new HashSet<int>();
        foreach (var e in _plan.Entries)
        {
            var job = _running[e.Sequence];
            Require(fed.Add(e.Sequence), "a sequence has one chunk in a step");
            Require(e.Count > 0 && e.Start == job.Cached && e.Start + e.Count <= job.Length, "every position is fed once, in order");
            Require(e.Last == (e.Start + e.Count == job.Length), "the newest token's row is marked");
            job.Blocks = Math.Max(job.Blocks, KvBlockPool.BlocksFor(e.Start + e.Count));
            job.Cached += e.Count;
        }
        Require(FreeBlocks >= 0, "no more blocks than the cache has");
        foreach (var e in _plan.Entries)
            if (e.Last)
                _running[e.Sequence].Length++;
        _running.RemoveAll(j => j.Length == j.MaxLength);
    }

    private static int Sum(ReadOnlySpan<PlannedRows> entries)
    {
        int sum = 0;
        foreach (var e in entries)
            sum += e.Count;
        return sum;
    }

    private static void Require(bool rule, string name)
    {
        if (!rule)
            throw new InvalidOperationException($"broken rule: {name}");
    }

    private sealed class Job(int length, int maxLength)
    {
        public int Length { get; set; } = length;
        public int MaxLength => maxLength;
        public int Cached { get; set; }
        public int Blocks { get; set; }
        public bool NeedsBlock => Length - Cached == 1 && KvBlockPool.BlocksFor(Length) > Blocks;
        public SequenceView View => new(Length, Cached, Blocks, maxLength - 1);
    }
}
