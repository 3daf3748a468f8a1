namespace PanguCluster.Actors.Weights;

/// <summary>The files of expert groups on this node.</summary>
public interface IGroupFiles
{
    /// <summary>Whether the group's file is here, whole.</summary>
    bool Has(int group);

    /// <summary>Fetches the group's file from a peer if it is not here. Two calls for one group share one transfer; it goes on until the last of them is cancelled.</summary>
    /// <param name="progress">Gets the bytes that are here, on any thread.</param>
    /// <exception cref="GroupFileException">It cannot be had; says why.</exception>
    Task EnsureAsync(int group, Action<long> progress, CancellationToken cancellation);

    /// <summary>Removes the group's file if it was fetched and is not what the manifest says any more: it can be fetched again then. Reads the whole file.</summary>
    /// <returns>Whether it was damaged; never of a file in the operator's own folder.</returns>
    bool RemoveDamaged(int group);
}

/// <summary>A file of the model cannot be had; the message names the file, the peers asked and why each was of no use.</summary>
public sealed class GroupFileException : Exception
{
    public GroupFileException(string message) : base(message) { }
    public GroupFileException(string message, Exception inner) : base(message, inner) { }
}
