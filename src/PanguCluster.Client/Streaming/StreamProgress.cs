using Pangu.V1;

namespace PanguCluster.Client.Streaming;

/// <summary>
/// How far an answer has come: takes the events of one call after another, lets every one through once and in order, and says where
/// the next call goes on. Pure: no connection, no clock.
/// </summary>
internal sealed class StreamProgress
{
    /// <summary>More answers than any server gives.</summary>
    private const int MostChoices = 1024;

    private readonly List<ChoiceProgress> _choices = [];
    private readonly List<Fingerprint> _prompt = [];
    private readonly IReadOnlyList<int> _first;
    private readonly bool _knowsChoices;
    private Accepted? _accepted;

    private StreamProgress(string sessionId, IReadOnlyList<int> first, bool knowsChoices)
    {
        SessionId = sessionId;
        _first = first;
        _knowsChoices = knowsChoices;
        if (knowsChoices)
            Reach(first.Count - 1);
    }

    public string SessionId { get; }

    public bool IsAccepted => _accepted is not null;

    /// <summary>Whether any token has come.</summary>
    public bool HasTokens { get; private set; }

    /// <summary>Whether all has come. An answer whose number of choices is unknown is complete when the server says so.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>An answer from its start.</summary>
    public static StreamProgress Of(string sessionId, int choices) => new(sessionId, new int[Math.Clamp(choices, 1, MostChoices)], knowsChoices: true);

    /// <summary>The rest of an answer.</summary>
    /// <param name="first">First index of every choice; a single one serves all of them, however many there are.</param>
    public static StreamProgress From(string sessionId, IReadOnlyList<int> first) => new(sessionId, first, knowsChoices: first.Count > 1);

    /// <summary>
    /// Whether the event brings something new; repeats of what came are checked and dropped. A piece of the prompt that repeats in part
    /// is cut to its new part.
    /// </summary>
    /// <exception cref="DeterminismException">A repeat that differs, or something is missing.</exception>
    public bool Take(GenerateEvent happened)
    {
        switch (happened.EventCase)
        {
            case GenerateEvent.EventOneofCase.Accepted:
                return Take(happened.Accepted);
            case GenerateEvent.EventOneofCase.Prompt:
                return Take(happened.Prompt);
            case GenerateEvent.EventOneofCase.Token:
                bool isNew = Reach(happened.Token.Choice).Take(happened.Token);
                HasTokens |= isNew;
                return isNew;
            case GenerateEvent.EventOneofCase.Finished:
                bool ends = Reach(happened.Finished.Choice).Take(happened.Finished);
                IsComplete = _knowsChoices && _choices.TrueForAll(c => c.IsFinished);
                return ends;
            default:
                // Of a later version of the protocol: not for this client.
                return false;
        }
    }

    /// <summary>The server has ended the stream in good order. False: too early.</summary>
    public bool Ended() => IsComplete |= !_knowsChoices && _choices.Count > 0 && _choices.TrueForAll(c => c.IsFinished);

    /// <summary>Asks for what has not come yet.</summary>
    public ResumeRequest Rest()
    {
        var request = new ResumeRequest { SessionId = SessionId };
        if (!_knowsChoices)
            request.NextIndex = _first[0];
        else if (_choices.Count == 1)
            request.NextIndex = _choices[0].Next;
        else
            request.NextIndices.AddRange(_choices.Select(c => c.Next));
        return request;
    }

    private bool Take(Accepted accepted)
    {
        if (_accepted is null)
        {
            _accepted = accepted.Clone();
            return true;
        }
        if (!_accepted.Equals(accepted))
            throw new DeterminismException("the session was accepted otherwise than before", _accepted.ToString(), accepted.ToString());
        return false;
    }

    private bool Take(Prompt prompt)
    {
        int known = 0;
        foreach (var token in prompt.Tokens)
        {
            if (token.Index > _prompt.Count || token.Index < 0)
                throw new DeterminismException($"prompt: token {token.Index} came where {_prompt.Count} is next");
            var print = Fingerprint.Of(token);
            if (token.Index == _prompt.Count)
                _prompt.Add(print);
            else if (_prompt[token.Index] == print)
                known++;
            else
                throw new DeterminismException($"prompt: token {token.Index} is another one than before", $"id {_prompt[token.Index].Id}", $"id {print.Id}");
        }
        for (int i = 0; i < known; i++)
            prompt.Tokens.RemoveAt(0);
        return prompt.Tokens.Count > 0;
    }

    private ChoiceProgress Reach(int choice)
    {
        if (choice < 0 || choice >= (_knowsChoices ? _first.Count : MostChoices))
            throw new DeterminismException($"choice {choice} of an answer that has {_first.Count}");
        while (_choices.Count <= choice)
            _choices.Add(new ChoiceProgress(_choices.Count, _first[_first.Count == 1 ? 0 : _choices.Count]));
        return _choices[choice];
    }
}
