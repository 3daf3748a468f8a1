namespace PanguCluster.Actors.Placement.Node;

/// <summary>Whether another member has gone by this node's id for so long that it cannot be this node's own earlier life.</summary>
internal sealed class DoubleIdWatch(TimeProvider time, TimeSpan patience)
{
    private string? _address;
    private long _since;

    /// <param name="elder">Address of a live member with the same id that was there before this node; null: none.</param>
    /// <returns>Whether this node has to go.</returns>
    public bool Follow(string? elder)
    {
        if (elder is null || elder != _address)
            _since = time.GetTimestamp();
        _address = elder;
        return elder is not null && time.GetElapsedTime(_since) >= patience;
    }
}
