namespace PanguCluster.Actors.Sessions;

/// <summary>Whether sessions can be recorded, for readiness and status. One writer, read by anybody.</summary>
public sealed class JournalHealth
{
    private volatile string? _problem;

    /// <summary>Null: none known.</summary>
    public string? Problem
    {
        get => _problem;
        internal set => _problem = value;
    }
}
