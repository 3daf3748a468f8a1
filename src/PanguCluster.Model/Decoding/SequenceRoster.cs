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
    private readonly long[] _seen; // [block] the plan in which a running sequence was last found to share it
    private long _plans;

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
        _seen = new long[options.KvBlocks];
    }

    /// <summary>Most sequences running at once: each can have a row in every step.</summary>
    public int MaxSequences => _maxSequences;

    public int Running => _running.Count;
    public int Waiting => _waiting.Count;
    public int FreeBlocks => _pool.Free;
    public int CachedBlocks => _pool.Cached;
    public long Preemptions { get; private set; }

    /// <summary>Positions of admitted sequences that could have been in the cache, and those that were.</summary>
    public long PrefixQueries { get; private set; }

    public long PrefixHits { get; private set; }

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
        _plans++;
        for (int i = 0; i < _running.Count; i++)
            _runningViews[i] = RunningView(_running[i]);
        int heads = Math.Min(_waiting.Count, _maxSequences - _running.Count);
        for (int i = 0; i < heads; i++)
            _waitingViews[i] = WaitingView(i);
        var limits = new PlanLimits(_options.MaxRows, _maxSequences, _pool.Free) { PrefillRows = _options.PrefillRows };
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
        Admit(plan.Admitted);
        foreach (var rows in plan.Entries)
            _running[rows.Sequence].Reserve(rows.Start + rows.Count, _pool);
    }

    /// <summary>Lets others share what has been computed of this one. Every position it counts as cached must be, by a step that has ended.</summary>
    public void Publish(Sequence sequence)
    {
        if (_options.PrefixCache)
            sequence.Publish(_pool);
    }

    private void Admit(ReadOnlySpan<int> places)
    {
        // All of them share before anybody takes: a taken block may be one that another was promised.
        foreach (int place in places)
            _waiting[place].Share(_pool);
        foreach (int place in places)
        {
            var sequence = _waiting[place];
            if (_options.PrefixCache)
                PrefixQueries += sequence.Shareable * KvBlockPool.BlockPositions;
            PrefixHits += sequence.Cached;
            sequence.Reserve(sequence.Length, _pool);
            _running.Add(sequence);
        }
        for (int i = places.Length - 1; i >= 0; i--)
            _waiting.RemoveAt(places[i]);
    }

    private SequenceView RunningView(Sequence s)
    {
        // Holders only get fewer along a sequence: behind a block that is its own there is none it shares.
        int shared = 0;
        foreach (int block in s.Blocks)
        {
            if (_pool.HoldersOf(block) == 1)
                break;
            if (_seen[block] == _plans)
                shared++;
            _seen[block] = _plans;
        }
        return new SequenceView(s.Length, s.Cached, s.BlockCount, s.MaxPositions) { Shared = shared };
    }

    private SequenceView WaitingView(int place)
    {
        var s = _waiting[place];
        if (!_options.PrefixCache)
            return new SequenceView(s.Length, 0, 0, s.MaxPositions);
        s.Look(_pool);
        return new SequenceView(s.Length, s.Published * KvBlockPool.BlockPositions, s.Published, s.MaxPositions)
        {
            Unheld = s.CountUnheld(_pool),
            Follows = FollowsAnyone(s, place),
        };
    }

    private bool FollowsAnyone(Sequence s, int place)
    {
        foreach (var running in _running)
            if (s.Follows(running))
                return true;
        for (int i = 0; i < place; i++)
            if (s.Follows(_waiting[i]))
                return true;
        return false;
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
