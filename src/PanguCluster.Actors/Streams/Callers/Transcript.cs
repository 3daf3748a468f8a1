using System.Collections.Immutable;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Actors.Streams;

/// <summary>
/// What a stream has brought so far, kept once for all its callers: one writer, the stream, and any number of readers, each at a place
/// of its own. Nothing is shown before <see cref="Open"/>. A caller who reads slowly costs a number, not a queue.
/// </summary>
internal sealed class Transcript
{
    private sealed class Answer
    {
        public readonly List<SampledToken> Tokens = [];
        public readonly List<string> Texts = [];
        public StreamEvent.Finished? Finished;
    }

    private readonly object _gate = new();
    private readonly List<int> _order = []; // c: the next token of choice c; ~c: its end
    private readonly List<StreamEvent.Prompt> _prompt = [];
    private Answer[] _answers = [];
    private StreamEvent.Accepted? _accepted;
    private StreamEvent.Failed? _failed;
    private ImmutableArray<ClientSeat> _seats = [];
    private bool _promptComplete;
    private int _finished;

    /// <summary>Choices without anything in them. What an earlier beginning had brought is dropped; only before <see cref="Open"/>.</summary>
    public void Begin(int choices)
    {
        lock (_gate)
        {
            _answers = [.. Enumerable.Range(0, choices).Select(_ => new Answer())];
            _order.Clear();
            _prompt.Clear();
            _promptComplete = false;
            _finished = 0;
        }
    }

    /// <summary>Readers see what there is from now on, and <paramref name="accepted"/> before it.</summary>
    public void Open(StreamEvent.Accepted accepted)
    {
        lock (_gate)
            _accepted = accepted;
        Ring();
    }

    public bool IsOpen => _accepted is not null;

    public bool HasFailed => _failed is not null;

    /// <summary>Writer only.</summary>
    public int Count(int choice) => _answers[choice].Tokens.Count;

    /// <summary>Writer only.</summary>
    public SampledToken this[int choice, int index] => _answers[choice].Tokens[index];

    public int[] TokenIds(int choice)
    {
        var tokens = _answers[choice].Tokens;
        int[] ids = new int[tokens.Count];
        for (int i = 0; i < ids.Length; i++)
            ids[i] = tokens[i].TokenId;
        return ids;
    }

    /// <param name="complete">No more of the prompt follows. Readers who want the prompt see no token before that.</param>
    public void AddPrompt(StreamEvent.Prompt piece, bool complete)
    {
        lock (_gate)
        {
            _prompt.Add(piece);
            _promptComplete |= complete;
        }
        Ring();
    }

    /// <summary>No more of the prompt follows, complete or not.</summary>
    public void ClosePrompt()
    {
        lock (_gate)
            _promptComplete = true;
        Ring();
    }

    public void Add(int choice, in SampledToken token, string text)
    {
        lock (_gate)
        {
            var answer = _answers[choice];
            answer.Tokens.Add(token);
            answer.Texts.Add(text);
            _order.Add(choice);
        }
        Ring();
    }

    public void Finish(StreamEvent.Finished end)
    {
        lock (_gate)
        {
            _answers[end.Choice].Finished = end;
            _order.Add(~end.Choice);
            _finished++;
        }
        Ring();
    }

    /// <summary>In the place of all that has not come yet. The first failure counts.</summary>
    public void Fail(FailureKind kind, string message)
    {
        lock (_gate)
            _failed ??= new StreamEvent.Failed(kind, message);
        Ring();
    }

    /// <summary>The seat is rung when there is something new.</summary>
    public void Join(ClientSeat seat)
    {
        lock (_gate)
            _seats = _seats.Add(seat);
        seat.Ring();
    }

    public void Leave(ClientSeat seat)
    {
        lock (_gate)
            _seats = _seats.Remove(seat);
    }

    /// <summary>The next event at a reader's place. False: none yet, or the reader is done.</summary>
    public bool TryNext(TranscriptCursor cursor, out StreamEvent? next)
    {
        lock (_gate)
        {
            next = cursor.Done ? null : Next(cursor);
            return next is not null;
        }
    }

    private StreamEvent? Next(TranscriptCursor cursor)
    {
        if (_accepted is null)
            return Failure(cursor);
        if (!cursor.SawAccepted)
        {
            cursor.SawAccepted = true;
            return _accepted;
        }
        if (cursor.WantsPrompt)
        {
            if (cursor.PromptPosition < _prompt.Count)
                return _prompt[cursor.PromptPosition++];
            if (!_promptComplete)
                return Failure(cursor);
        }
        while (cursor.Position < _order.Count)
        {
            int entry = _order[cursor.Position++];
            if (entry < 0)
                return End(cursor, ~entry);
            int index = cursor.Seen[entry]++;
            if (index < cursor.Next[entry])
                continue;
            var answer = _answers[entry];
            return new StreamEvent.Token(entry, answer.Tokens[index], answer.Texts[index]);
        }
        return Failure(cursor);
    }

    private StreamEvent End(TranscriptCursor cursor, int choice)
    {
        int count = _answers[choice].Tokens.Count;
        if (cursor.Next[choice] > count)
        {
            cursor.Done = true;
            return new StreamEvent.Failed(FailureKind.OutOfRange, $"next_index {cursor.Next[choice]}: choice {choice} ended after {count} tokens");
        }
        cursor.Done = ++cursor.Ends == _answers.Length;
        return _answers[choice].Finished!;
    }

    private StreamEvent.Failed? Failure(TranscriptCursor cursor)
    {
        cursor.Done = _failed is not null;
        return _failed;
    }

    private void Ring()
    {
        foreach (var seat in _seats)
            seat.Ring();
    }
}
