using PanguCluster.Actors.Sessions;

namespace PanguCluster.Actors.Streams;

/// <summary>The record's side: opening it, going on from it, keeping it up to date.</summary>
internal sealed partial class StreamActor
{
    private void HandleSession(SessionProtocol.IMessage message)
    {
        switch (message)
        {
            case SessionProtocol.Opened opened:
                OnOpened(opened);
                break;
            case SessionProtocol.OpenRefused refused when _link is { IsOpen: false }:
                Unopened(refused.Kind, refused.Message);
                break;
            case SessionProtocol.Recorded recorded when _link is not null && _link.OnRecorded(recorded):
                Record(flush: true);
                break;
            case SessionProtocol.Ended ended:
                _link?.OnEnded(ended);
                RetireIfSettled();
                break;
            case SessionProtocol.Superseded superseded when _link is { IsOpen: true } link && superseded.Attempt > link.Attempt:
                OnSuperseded();
                break;
            case SessionProtocol.CancelStream:
                Cancel();
                break;
        }
    }

    /// <summary>Callers who are here are served to the end; nothing more is recorded from here, unless the session gives itself back.</summary>
    private void OnSuperseded()
    {
        (_handedOver, _link) = (_link, null);
        _superseded = true;
        if (_ended)
            RetireIfSettled();
        else if (_seats.Count == 0)
            Drop();
    }

    /// <summary>The later stream has gone before its end: this one records what is missing.</summary>
    private void OnHandedBack(SessionLink link, SessionProtocol.Opened opened)
    {
        link.OnOpened(opened);
        (_link, _handedOver) = (link, null);
        _superseded = false;
        Record(flush: true);
    }

    private void OnOpened(SessionProtocol.Opened opened)
    {
        if (_handedOver is { } link && opened.Attempt > link.Attempt && !_retiring)
        {
            OnHandedBack(link, opened);
            return;
        }
        if (_link is null || _retiring)
            return;
        bool first = !_link.IsOpen;
        _link.OnOpened(opened);
        if (!first)
            return;
        var record = opened.Request;
        bool known = opened.Choices.Any(c => c.Count > 0 || c.End is not null);
        if (_transcript.HasFailed)
        {
            // What this request could not have here is no end of what others have had of it.
            if (known)
                Abandon();
        }
        else if (record.ModelDigest != _settings.Manifest.Digest || record.NumericsVersion != _settings.Manifest.NumericsVersion)
        {
            Unopened(FailureKind.Invalid, "the session was computed with another model or numerics version, which this cluster does not serve");
        }
        else
        {
            // Also when all has been computed already: of a seed that was not the recorded one, perhaps.
            if (_request is null || known || record.Sampling != _request.Sampling)
                Adopt(opened);
            Show();
        }
        Record(flush: true);
    }

    /// <summary>Goes on where the record is. What was computed here meanwhile was not shown to anybody.</summary>
    private void Adopt(SessionProtocol.Opened opened)
    {
        _work?.Stop();
        _ended = false;
        Begin(RequestOf(opened.Request));
        _work!.Admit();
        _work.PromptWanted = _seats.PromptWanted;
        for (int c = 0; c < opened.Choices.Count; c++)
            _work.Take(c, opened.Choices[c]);
        var waiting = _waiting.ToArray();
        _waiting.Clear();
        foreach (var call in waiting)
            OnCall(call);
        if (_work.Choices.Select(c => c.End).FirstOrDefault(e => e?.Failure is not null) is { } failed)
            Fail(failed.Failure!.Value, failed.Detail);
        else if (_cancelled)
            Cancel();
        else if (_seats.Count == 0)
            Unattended();
        if (!_ended)
            _work.Review();
    }

    private void OnTick()
    {
        if (_link is { IsOpen: false } && !_link.KeepAsking())
            Unopened(FailureKind.Unavailable, "the session's journal does not answer; try again in a few seconds");
        Record(flush: true);
        _link?.KeepAlive();
        RetireIfSettled();
    }

    private void Record(bool flush)
    {
        if (_link is null || _work is null)
            return;
        for (int c = 0; c < _work.Choices.Length; c++)
            _link.Send(c, _work.Choices[c].End, flush);
    }

    private SessionRecord RecordOf(GenerationRequest request) =>
        SessionRecord.Of(request, _settings.Manifest.Digest, _settings.Manifest.NumericsVersion, _settings.Time.GetUtcNow());

    private GenerationRequest RequestOf(SessionRecord record) =>
        new(_sessionId, record.Prompt, record.MaxTokens, record.Sampling, record.StopStrings, record.StopTokenIds, null)
        {
            Choices = record.Choices, Echo = record.Echo, Detached = record.Detached, Owner = record.Owner, SeedPicked = record.SeedPicked,
            NamedByCaller = true,
        };
}
