namespace PanguCluster.Actors.Sessions;

/// <summary>Whether sessions can be recorded, for readiness and status. One writer, read by anybody.</summary>
public sealed class JournalHealth
{
    private const string NotOpened = "the journal of sessions has not been opened yet";

    private volatile string? _problem = NotOpened;

    /// <summary>Null: all is well.</summary>
    public string? Problem
    {
        get => _problem;
        internal set => _problem = value;
    }

    /// <summary>Worth telling an operator: a journal that is just being opened is not.</summary>
    public string? Trouble => ReferenceEquals(_problem, NotOpened) ? null : _problem;
}
