using Akka.Actor;
using Akka.Event;

namespace PanguCluster.Actors.Sessions.Book;

/// <summary>
/// Brings what the sessions of this node say of themselves into the index, many rows at a time, the last word of each only. Also the first to know
/// when the database is gone, and when it is back.
/// </summary>
internal sealed class SessionIndexWriter : UntypedActor, IWithTimers
{
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);

    private readonly ISessionIndex _index;
    private readonly JournalHealth _health;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Dictionary<string, SessionRow> _pending = [];
    private SessionRow[] _writing = [];
    private bool _gathering;
    private bool _busy;
    private bool _prepared;
    private bool _failing;

    public SessionIndexWriter(ISessionIndex index, JournalHealth health)
    {
        _index = index;
        _health = health;
    }

    private sealed record Flush : INoSerializationVerificationNeeded
    {
        public static readonly Flush Instance = new();
    }

    private sealed record Probe : INoSerializationVerificationNeeded
    {
        public static readonly Probe Instance = new();
    }

    private sealed record Done(Exception? Failure) : INoSerializationVerificationNeeded;

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer("look", Probe.Instance, TimeSpan.Zero, Look);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case SessionRow row:
                Keep(row);
                Later();
                break;
            case Flush:
                _gathering = false;
                if (_pending.Count > 0)
                    Write();
                break;
            case Probe:
                Write();
                break;
            case Done done:
                OnDone(done.Failure);
                break;
        }
    }

    private void Keep(SessionRow row)
    {
        if (!_pending.TryGetValue(row.Summary.SessionId, out var known) || known.SequenceNr <= row.SequenceNr)
            _pending[row.Summary.SessionId] = row;
    }

    /// <summary>While the database is away only the probe tries it.</summary>
    private void Later()
    {
        if (_gathering || _failing)
            return;
        _gathering = true;
        Timers.StartSingleTimer("flush", Flush.Instance, Gather);
    }

    private void Write()
    {
        if (_busy)
            return;
        _busy = true;
        _writing = [.. _pending.Values];
        _pending.Clear();
        Work(_writing).PipeTo(Self, Self, () => new Done(null), failure => new Done(failure));
    }

    /// <summary>Without rows it looks whether the database is there.</summary>
    private async Task Work(SessionRow[] rows)
    {
        if (!_prepared)
            await _index.PrepareAsync(CancellationToken.None);
        if (rows.Length > 0)
            await _index.UpsertAsync(rows, CancellationToken.None);
        else
            await _index.ListAsync("", 1, CancellationToken.None);
    }

    private void OnDone(Exception? failure)
    {
        _busy = false;
        if (failure is null)
        {
            if (_failing)
                _log.Warning("the journal of sessions is back");
            _prepared = true;
            _failing = false;
            _health.Problem = null;
            if (_pending.Count > 0)
                Later();
            return;
        }
        if (!_failing)
            _log.Warning("the journal of sessions is not available: {0}", failure.Message);
        _failing = true;
        _health.Problem = $"the journal of sessions is not available: {failure.Message}";
        foreach (var row in _writing)
            if (!_pending.ContainsKey(row.Summary.SessionId))
                _pending.Add(row.Summary.SessionId, row);
    }
}
