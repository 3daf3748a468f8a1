using Akka.Actor;
using PanguCluster.Actors.Sessions;

namespace PanguCluster.Actors.Streams;

/// <summary>
/// A stream's side of its session's record: opens it, sends what is new, and sends again what is not acknowledged, because a session that
/// moves to another node forgets what it was told. Never holds the stream up.
/// </summary>
internal sealed class SessionLink
{
    private readonly StreamSettings _settings;
    private readonly string _sessionId;
    private readonly IActorRef _region;
    private readonly IActorRef _self;
    private readonly Transcript _transcript;
    private readonly SessionProtocol.ICommand _opening;
    private readonly long _begun;
    private RecordCursor[] _cursors = [];
    private long _asked;
    private long _said;
    private int _attempt;

    private SessionLink(StreamSettings settings, IActorRef region, IActorRef self, Transcript transcript, SessionProtocol.ICommand opening)
    {
        _settings = settings;
        _sessionId = opening.SessionId;
        _region = region;
        _self = self;
        _transcript = transcript;
        _opening = opening;
        _begun = settings.Time.GetTimestamp();
        Ask();
    }

    public bool IsOpen => _attempt > 0;

    /// <summary>Which of the session's streams this is; 0 before it is open.</summary>
    public int Attempt => _attempt;

    /// <summary>Every choice's end is recorded.</summary>
    public bool IsSettled => IsOpen && _cursors.All(c => c.Ended);

    private RecordOptions Options => _settings.Options.Record;

    public static SessionLink Open(StreamSettings settings, IActorRef region, IActorRef self, Transcript transcript, string sessionId, SessionRecord record) =>
        new(settings, region, self, transcript, new SessionProtocol.Open(sessionId, record, self, settings.NodeId));

    public static SessionLink Attach(StreamSettings settings, IActorRef region, IActorRef self, Transcript transcript, string sessionId, string owner) =>
        new(settings, region, self, transcript, new SessionProtocol.Attach(sessionId, owner, self, settings.NodeId));

    public void OnOpened(SessionProtocol.Opened opened)
    {
        if (_attempt >= opened.Attempt && IsOpen)
            return;
        _attempt = opened.Attempt;
        _said = _settings.Time.GetTimestamp();
        _cursors = [.. opened.Choices.Select(_ => new RecordCursor(_settings.Time, Options))];
        for (int c = 0; c < _cursors.Length; c++)
        {
            _cursors[c].Recorded(opened.Choices[c].Count);
            if (opened.Choices[c].End is not null)
                _cursors[c].OnEnded();
        }
    }

    /// <summary>A turn of the clock before the session is open. False: it does not answer.</summary>
    public bool KeepAsking()
    {
        if (_settings.Time.GetElapsedTime(_begun) > Options.OpenTimeout)
            return false;
        if (_settings.Time.GetElapsedTime(_asked) > Options.OpenRetry)
            Ask();
        return true;
    }

    /// <summary>Something of the choice is new.</summary>
    /// <param name="end">How the choice ended, or null.</param>
    /// <param name="flush">However little it is.</param>
    public void Send(int choice, RecordedEnd? end, bool flush)
    {
        if (!IsOpen || _cursors[choice].Ended)
            return;
        int count = _transcript.Count(choice);
        var cursor = _cursors[choice];
        int? last = end is null ? null : cursor.DueEnd(count);
        while (last is null && cursor.Due(count, flush || end is not null) is { } due)
        {
            Tell(new SessionProtocol.Record(_sessionId, _attempt, _settings.NodeId, choice, due.From, Tokens(choice, due.From, due.To)));
            last = end is null ? null : cursor.DueEnd(count);
        }
        if (last is { } from)
            Tell(new SessionProtocol.End(_sessionId, _attempt, _settings.NodeId, choice, from, Tokens(choice, from, count), end!));
    }

    /// <summary>Says that the stream lives, if it has said nothing for long.</summary>
    public void KeepAlive()
    {
        if (IsOpen && _settings.Time.GetElapsedTime(_said) > Options.Heartbeat)
            Tell(new SessionProtocol.Record(_sessionId, _attempt, _settings.NodeId, 0, _transcript.Count(0), []));
    }

    /// <returns>The choice has to be sent again at once.</returns>
    public bool OnRecorded(SessionProtocol.Recorded recorded) =>
        (uint)recorded.Choice < (uint)_cursors.Length && _cursors[recorded.Choice].Recorded(recorded.Count);

    public void OnEnded(SessionProtocol.Ended ended)
    {
        if ((uint)ended.Choice < (uint)_cursors.Length)
            _cursors[ended.Choice].OnEnded();
    }

    private void Ask()
    {
        _asked = _settings.Time.GetTimestamp();
        _region.Tell(_opening, _self);
    }

    private void Tell(SessionProtocol.ICommand command)
    {
        _said = _settings.Time.GetTimestamp();
        _region.Tell(command, _self);
    }

    private RecordedToken[] Tokens(int choice, int from, int to)
    {
        var tokens = new RecordedToken[to - from];
        for (int i = 0; i < tokens.Length; i++)
        {
            var token = _transcript[choice, from + i];
            tokens[i] = new RecordedToken(token.TokenId, token.Logprob, token.Top);
        }
        return tokens;
    }
}
