namespace PanguCluster.Actors.Routing;

/// <summary>Hedges that may be spent: every layer earns a share of one, a burst can be saved up.</summary>
internal sealed class HedgeBudget(HedgeOptions options)
{
    private double _saved = options.Burst;

    /// <summary>A layer went out.</summary>
    public void Earn() => _saved = Math.Min(_saved + options.Share, options.Burst);

    public bool TrySpend()
    {
        if (_saved < 1)
            return false;
        _saved--;
        return true;
    }
}
