using PanguCluster.Actors.Links;

namespace PanguCluster.Actors.Routing;

/// <summary>One peer's link as the exchange sees it: what was sent over it and is not answered yet, and how long answers take.</summary>
internal sealed class PeerLane(ILinkPort link, AnswerTimes times)
{
    private struct Frame
    {
        public long Attempt;
        public long SentAt;
        public long Due;
        public int Work;
    }

    // As many as the link takes; grows until then.
    private Frame[] _frames = new Frame[4];
    private int _unanswered;

    public ILinkPort Link { get; } = link;

    /// <summary>The link took no frame in the present round of sending.</summary>
    public bool IsFull { get; set; }

    /// <summary>An answer to something sent before this attempt is missing: whoever has the choice asks somebody else.</summary>
    public bool Owes(long attempt)
    {
        for (int i = 0; i < _unanswered; i++)
            if (_frames[i].Attempt < attempt)
                return true;
        return false;
    }

    /// <summary>An answer should have come by now.</summary>
    public bool IsLate(long now)
    {
        for (int i = 0; i < _unanswered; i++)
            if (_frames[i].Due <= now)
                return true;
        return false;
    }

    /// <summary>A frame is on its way. Returns the time at which its answer is late.</summary>
    public long Sent(long attempt, int work, long now)
    {
        if (_unanswered == _frames.Length)
            Array.Resize(ref _frames, _frames.Length * 2);
        long due = now + times.Deadline(work);
        _frames[_unanswered++] = new Frame { Attempt = attempt, SentAt = now, Due = due, Work = work };
        return due;
    }

    /// <summary>An answer came, wanted or not: late ones belong to the distribution as well.</summary>
    public void Answered(long attempt, long now)
    {
        for (int i = 0; i < _unanswered; i++)
        {
            if (_frames[i].Attempt != attempt)
                continue;
            times.Add(_frames[i].Work, now - _frames[i].SentAt);
            _frames[i] = _frames[--_unanswered];
            return;
        }
    }
}
