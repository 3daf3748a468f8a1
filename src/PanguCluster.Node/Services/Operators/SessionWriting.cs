using PanguCluster.Actors.Sessions;
using Wire = Pangu.V1;

namespace PanguCluster.Node.Services;

/// <summary>Recorded sessions as the wire has them. Pure.</summary>
public static class SessionWriting
{
    public static Wire.Session ToWire(SessionSummary session) => new()
    {
        SessionId = session.SessionId,
        State = ToWire(session.State),
        Node = session.NodeId,
        Owner = session.Owner,
        AcceptedUnixMs = session.Accepted.ToUnixTimeMilliseconds(),
        EndedUnixMs = session.Ended?.ToUnixTimeMilliseconds() ?? 0,
        PromptTokens = session.PromptTokens,
        Choices = session.Choices,
        GeneratedTokens = session.GeneratedTokens,
        Resumes = session.Resumes,
        Seed = session.Seed,
        ModelDigest = session.ModelDigest,
    };

    public static Wire.VerifyProgress ToWire(VerifyReport report)
    {
        var progress = new Wire.VerifyProgress
        {
            SessionId = report.SessionId,
            CheckedTokens = report.CheckedTokens,
            TotalTokens = report.TotalTokens,
            Outcome = report.Identical switch
            {
                null => Wire.VerifyProgress.Types.Outcome.Running,
                true => Wire.VerifyProgress.Types.Outcome.Identical,
                false => Wire.VerifyProgress.Types.Outcome.Different,
            },
        };
        if (report.Difference is { } difference)
        {
            progress.Choice = difference.Choice;
            progress.Index = difference.Index;
            progress.RecordedTokenId = difference.RecordedTokenId;
            progress.ComputedTokenId = difference.ComputedTokenId;
        }
        return progress;
    }

    public static Wire.Session.Types.State ToWire(SessionState state) => state switch
    {
        SessionState.Running => Wire.Session.Types.State.Running,
        SessionState.Interrupted => Wire.Session.Types.State.Interrupted,
        SessionState.Finished => Wire.Session.Types.State.Finished,
        SessionState.Cancelled => Wire.Session.Types.State.Cancelled,
        _ => Wire.Session.Types.State.Failed,
    };
}
