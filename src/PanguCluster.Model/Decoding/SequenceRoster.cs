namespace PanguCluster.Model.Decoding;

/// <summary>
/// Who runs and who waits, in order, and whose KV blocks are whose. Applies plans; decides nothing. Its lists have their capacity from
/// the start, so only a new sequence allocates.
/// </summary>
internal sealed class SequenceRoster
{
    private readonly DecoderOptions _options;
    private readonly int _maxSequences;
    private readonly KvBlockPool _pool;
    private readonly List<Sequence> _running;
    private readonly List<Sequence> _waiting;
    private readonly Dictionary<SequenceId, Sequence> _byId;
    private readonly SequenceView[] _runningViews;
    private readonly SequenceView[] _waitingViews;

    public SequenceRoster(DecoderOptions options)
    {
        _options = options;
        _maxSequences = Math.Min(options.MaxSequences, options.MaxRows);
        _pool = new KvBlockPool(options.KvBlocks);
        _running = new List<Sequence>(_maxSequences);
        _waiting = new List<Sequence>(options.MaxWaiting + _maxSequences);
        _byId = new Dictionary<SequenceId, Sequence>(options.MaxWaiting + _maxSequences);
        _runningViews = new SequenceView[_maxSequences];
        _waitingViews = new SequenceView[_maxSequences];
    }

    /// <summary>Most sequences running at once: each can have a row in every step.</summary>
    public int MaxSequences => _maxSequences;

    public int Running => _running.Count;
    public int Waiting => _waiting.Count;
    public int FreeBlocks => _pool.Free;
    public long Preemptions { get; private set; }

    public Sequence this[int running] => _running[running];

    public SubmitOutcome Submit(SequenceRequest request)
    {
        if (_byId.ContainsKey(request.Id))
            return SubmitOutcome.Duplicate;
        long length = (long)request.Prompt.Length + request.MaxTokens;
        if (length > _options.MaxPositions || KvBlockPool.BlocksFor((int)length - 1) > _pool.Total)
            return SubmitOutcome.TooLong;
        if (_waiting.Count >= _options.MaxWaiting)
            return SubmitOutcome.QueueFull;
        var sequence = new Sequence(request);
        _waiting.Add(sequence);
        _byId.Add(request.Id, sequence);
        return SubmitOutcome.Accepted;
    }

    /// <summary>Takes the sequence's id out; the sequence itself leaves at once, or when the step it may be in ends.</summary>
    public bool Cancel(SequenceId id, bool inStep)
    {
        if (!_byId.Remove(id, out var sequence))
            return false;
        sequence.Cancelled = true;
        if (_waiting.Remove(sequence))
            return true;
        if (!inStep)
            Retire();
        return true;
    }

    public void Plan(StepPlan plan)
    {
        for (int i = 0; i < _running.Count; i++)
            _runningViews[i] = _running[i].View;
        int heads = Math.Min(_waiting.Count, _maxSequences);
        for (int i = 0; i < heads; i++)
            _waitingViews[i] = _waiting[i].View;
        var limits = new PlanLimits(_options.MaxRows, _maxSequences, _pool.Free);
        BatchPlanner.Plan(_runningViews.AsSpan(0, _running.Count), _waitingViews.AsSpan(0, heads), limits, plan);
    }

    /// <summary>Moves who leaves and joins, and gives every planned row its block.</summary>
    public void Apply(StepPlan plan)
    {
        for (int i = 0; i < plan.Preempted; i++)
        {
            var sequence = _running[^1];
            _running.RemoveAt(_running.Count - 1);
            sequence.Release(_pool);
            _waiting.Insert(0, sequence);
            Preemptions++;
        }
        for (int i = 0; i < plan.Admitted; i++)
        {
            var sequence = _waiting[i];
            sequence.Reserve(sequence.Length, _pool);
            _running.Add(sequence);
        }
        _waiting.RemoveRange(0, plan.Admitted);
        foreach (var rows in plan.Entries)
            _running[rows.Sequence].Reserve(rows.Start + rows.Count, _pool);
    }

    /// <summary>Lets the finished and the cancelled go; their blocks come back.</summary>
    public void Retire()
    {
        int kept = 0;
        for (int i = 0; i < _running.Count; i++)
        {
            var sequence = _running[i];
            if (sequence.Finished || sequence.Cancelled)
            {
                sequence.Release(_pool);
                if (!sequence.Cancelled)
                    _byId.Remove(sequence.Id);
            }
            else
            {
                _running[kept++] = sequence;
            }
        }
        _running.RemoveRange(kept, _running.Count - kept);
    }
}
