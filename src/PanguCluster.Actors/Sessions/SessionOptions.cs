namespace PanguCluster.Actors.Sessions;

/// <summary>How a cluster keeps its sessions.</summary>
/// <param name="Keep">How long a session is kept after it has ended, or after it was last worked on.</param>
/// <param name="Silence">A running stream says something at least every third of it; one that does not is taken for gone.</param>
/// <param name="SweepEvery">How often old sessions are looked for.</param>
public sealed record SessionOptions(TimeSpan Keep, TimeSpan Silence, TimeSpan SweepEvery)
{
    public static readonly TimeSpan MinKeep = TimeSpan.FromMinutes(1);
    public static readonly TimeSpan MaxKeep = TimeSpan.FromDays(3650);

    public static SessionOptions Default { get; } = new(TimeSpan.FromHours(24), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1));
}
