namespace PanguCluster.Actors.Experts;

public enum WarmMode
{
    /// <summary>Groups are warmed as long as memory holds them.</summary>
    Auto,
    On,
    Off,
}

/// <summary>
/// Which of a node's groups are warm: all their weights read once before they are ready, so that the first rows find them in memory. Where memory is short a
/// group is only mapped: warming it would drive out what others compute with.
/// </summary>
/// <param name="groupBytes">Of one group's file.</param>
/// <param name="available">Bytes that weights may take, those of the groups that are warm included: clean pages of files count as available.</param>
public sealed class WarmBudget(WarmMode mode, long groupBytes, Func<long> available)
{
    private readonly Lock _gate = new();
    private int _warm;

    /// <summary>Whether one group more is to be warmed; it counts until it is returned.</summary>
    public bool TryTake()
    {
        lock (_gate)
        {
            if (!Fits(mode, groupBytes, _warm, mode == WarmMode.Auto ? available() : 0))
                return false;
            _warm++;
            return true;
        }
    }

    public void Return()
    {
        lock (_gate)
            _warm--;
    }

    /// <summary>Whether another group beside <paramref name="warm"/> is to be warmed. Pure.</summary>
    public static bool Fits(WarmMode mode, long groupBytes, int warm, long available) => mode switch
    {
        WarmMode.On => true,
        WarmMode.Off => false,
        _ => (warm + 1L) * groupBytes <= available,
    };
}
