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
            case SessionProtocol.Superseded when _seats.Count == 0 && !_ended:
                // The later stream has the session: nothing more is recorded from here.
                _link = null;
                _work?.Stop();
                End();
                break;
            case SessionProtocol.CancelStream:
                Cancel();
                break;
        }
    }

    private void OnOpened(SessionProtocol.Opened opened)
    {
        if (_link is null)
            return;
        bool first = !_link.IsOpen;
        _link.OnOpened(opened);
        if (!first || _transcript.HasFailed)
            return;
        var record = opened.Request;
        bool known = opened.Choices.Any(c => c.Count > 0 || c.End is not null);
        if (record.ModelDigest != _settings.Manifest.Digest || record.NumericsVersion != _settings.Manifest.NumericsVersion)
        {
            Unopened(FailureKind.Invalid, "the session was computed with another model or numerics version, which this cluster does not serve");
            return;
        }
        if (_ended)
            Record(flush: true);
        else if (_request is null || known || record.Sampling != _request.Sampling)
            Adopt(opened);
        Show();
    }

    /// <summary>Goes on where the record is. What was computed here meanwhile was not shown to anybody.</summary>
    private void Adopt(SessionProtocol.Opened opened)
    {
        _work?.Stop();
        Begin(RequestOf(opened.Request));
        _work!.Admit();
        _work.PromptWanted = _seats.PromptWanted;
        for (int c = 0; c < opened.Choices.Count; c++)
            _work.Take(c, opened.Choices[c]);
        var waiting = _waiting.ToArray();
        _waiting.Clear();
        foreach (var resume in waiting)
            OnResume(resume);
        if (_work.Choices.Select(c => c.End).FirstOrDefault(e => e?.Failure is not null) is { } failed)
            Fail(failed.Failure!.Value, failed.Detail);
        else if (_seats.Count == 0)
            Unattended();
        if (!_ended)
            _work.Review();
    }

    private void OnTick()
    {
        if (_link is { IsOpen: false } && !_link.KeepAsking() && !_ended)
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
