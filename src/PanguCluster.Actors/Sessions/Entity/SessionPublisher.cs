using PanguCluster.Actors.Sessions.Book;

namespace PanguCluster.Actors.Sessions;

/// <summary>Tells the listing how a session stands: at once when its state changes, now and then while it makes progress.</summary>
internal sealed class SessionPublisher(string id, SessionSettings settings)
{
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(3);

    private (SessionState State, int Resumes, string NodeId)? _published;
    private long _publishedAt;

    /// <param name="attended">Whether a stream is at work on it.</param>
    /// <param name="sequenceNr">Of its last event.</param>
    /// <param name="anyway">Also when the listing knows it.</param>
    public void Publish(RecordedSession? session, bool attended, long sequenceNr, bool anyway = false)
    {
        if (session is not { } s)
            return;
        var now = (s.State(attended), s.Resumes, s.NodeId);
        if (!anyway && _published == now && settings.Time.GetElapsedTime(_publishedAt) < ProgressEvery)
            return;
        _published = now;
        _publishedAt = settings.Time.GetTimestamp();
        var summary = new SessionSummary(
            id, now.Item1, s.NodeId, s.Request.Owner, s.Request.AcceptedAt, s.EndedAt, s.Request.Prompt.Length, s.Choices.Length,
            s.GeneratedTokens, s.Resumes, s.Request.Sampling.Seed, s.Request.ModelDigest);
        settings.Writer.Tell(new SessionRow(summary, sequenceNr, settings.Host, s.ActiveAt), Akka.Actor.ActorRefs.NoSender);
    }
}
