namespace PanguCluster.Actors.Streams;

/// <summary>How much of one choice is on its way to the session's record, and how much is there. Pure: the tokens stay where they are.</summary>
internal sealed class RecordCursor(TimeProvider time, RecordOptions options)
{
    private int _recorded;
    private int _sent;
    private long? _sentAt;
    private int _endFrom = -1; // first index of the End that was sent last; negative: none

    /// <summary>The session has the end.</summary>
    public bool Ended { get; private set; }

    private bool IsOverdue => SentSince > options.Retry;

    private TimeSpan SentSince => _sentAt is { } at ? time.GetElapsedTime(at) : TimeSpan.MaxValue;

    /// <summary>The next tokens to send: from and to. Null: nothing is due.</summary>
    /// <param name="count">Tokens there are.</param>
    /// <param name="flush">However few there are.</param>
    public (int From, int To)? Due(int count, bool flush)
    {
        if (_endFrom >= 0)
            return null;
        if (_recorded < _sent && IsOverdue)
            _sent = _recorded;
        int most = Math.Min(Math.Min(count, _sent + options.MostPerMessage), _recorded + options.Window);
        if (most <= _sent || (!flush && !IsWorthSending(most - _sent)))
            return null;
        var due = (_sent, most);
        _sent = most;
        _sentAt = time.GetTimestamp();
        return due;
    }

    private bool IsWorthSending(int tokens) =>
        tokens >= options.MostPerMessage || (tokens >= options.Batch && SentSince >= options.Pause);

    /// <summary>From where the end goes out, with the last tokens. Null: tokens before it have to be sent first, or it is on its way.</summary>
    public int? DueEnd(int count)
    {
        if (_endFrom >= 0 && IsOverdue)
            (_sent, _endFrom) = (_recorded, -1);
        if (Ended || _endFrom >= 0 || count - _sent > options.MostPerMessage)
            return null;
        // The session may have more than there is here: a stream that goes on with a long record computes the rest of it again.
        _endFrom = Math.Min(_sent, count);
        _sent = count;
        _sentAt = time.GetTimestamp();
        return _endFrom;
    }

    /// <summary>The session has so many tokens.</summary>
    /// <returns>Something it lacks was sent too far ahead: send again at once.</returns>
    public bool Recorded(int count)
    {
        _recorded = Math.Max(_recorded, count);
        if (_sent < _recorded)
            _sent = _recorded;
        if (_endFrom < 0 || count >= _endFrom)
            return false;
        _sent = _recorded;
        _endFrom = -1;
        return true;
    }

    public void OnEnded() => Ended = true;
}
