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

    /// <summary>A full disk can be read and takes a small write: a failed recording counts for so long, whatever the probe finds.</summary>
    private static readonly TimeSpan TroubleLasts = TimeSpan.FromSeconds(10);

    /// <summary>Of one transaction: the journal's own writes wait for its end, in SQLite by looking again after ever longer pauses.</summary>
    private const int MostRows = 100;

    /// <summary>Before the next transaction when there is more than one's worth.</summary>
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(25);

    private readonly ISessionIndex _index;
    private readonly JournalHealth _health;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Dictionary<string, SessionRow> _pending = [];
    private SessionRow[] _writing = [];
    private bool _gathering;
    private bool _busy;
    private bool _prepared;
    private string? _failure; // of the last look or write
    private string? _trouble; // what a session said lately

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

    /// <summary>A session could not be recorded.</summary>
    internal sealed record Trouble(string Cause) : INoSerializationVerificationNeeded;

    private sealed record TroubleOver : INoSerializationVerificationNeeded;

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
            case Trouble trouble:
                _trouble = trouble.Cause;
                Timers.StartSingleTimer("trouble", new TroubleOver(), TroubleLasts);
                Show();
                break;
            case TroubleOver:
                _trouble = null;
                Show();
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
        if (_gathering || _failure is not null)
            return;
        _gathering = true;
        Timers.StartSingleTimer("flush", Flush.Instance, _pending.Count < MostRows ? Gather : Breath);
    }

    private void Write()
    {
        if (_busy)
            return;
        _busy = true;
        _writing = [.. _pending.Values.Take(MostRows)];
        foreach (var row in _writing)
            _pending.Remove(row.Summary.SessionId);
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
        _failure = failure?.Message;
        Show();
        if (failure is null)
        {
            _prepared = true;
            if (_pending.Count > 0)
                Later();
            return;
        }
        foreach (var row in _writing)
            if (!_pending.ContainsKey(row.Summary.SessionId))
                _pending.Add(row.Summary.SessionId, row);
    }

    private void Show()
    {
        var problem = (_failure ?? _trouble) is { } cause ? $"the journal of sessions is not available: {cause}" : null;
        if (problem is null && _health.Trouble is not null)
            _log.Warning("the journal of sessions is back");
        else if (problem is not null && _health.Trouble is null)
            _log.Warning("{0}", problem);
        _health.Problem = problem;
    }
}
