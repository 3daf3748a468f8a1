namespace PanguCluster.Actors.Sessions;

/// <summary>Whether sessions can be recorded, for readiness and status. One writer, read by anybody.</summary>
public sealed class JournalHealth
{
    private volatile string? _problem = "the journal of sessions has not been opened yet";

    /// <summary>Null: all is well.</summary>
    public string? Problem
    {
        get => _problem;
        internal set => _problem = value;
    }
}
