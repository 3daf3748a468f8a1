namespace PanguCluster.Node.Options;

/// <summary>
/// How a node's threads are shared out. Pure. Groups side by side with one thread each beat one group after the other with a team (small
/// layers, two threads, one node: a step of one row 10 to 12 against 15 ms, of eight rows 26 against 31 ms), so a group gets a team only
/// where there are more threads than groups. The trunk's team is as large again: the one thing it does while groups compute is the shared
/// expert, and to make that wait for them costs a tenth at eight rows.
/// </summary>
/// <param name="Trunk">Of the decoder's kernels.</param>
/// <param name="Experts">Groups that compute at once.</param>
/// <param name="Group">Of one group's kernels. Experts x Group is never more than the node's threads.</param>
public readonly record struct ThreadShares(int Trunk, int Experts, int Group)
{
    /// <param name="threads">Of the node, 1 or more.</param>
    /// <param name="groups">Of the model, 1 or more.</param>
    /// <param name="expertNodes">Nodes that the groups are first placed on, 1 or more.</param>
    public static ThreadShares Of(int threads, int groups, int expertNodes)
    {
        int here = Math.Max(1, (groups + expertNodes - 1) / expertNodes);
        int group = Math.Max(1, threads / here);
        // A node that takes over groups of a lost one must not compute more of them at once than it has threads for.
        return new ThreadShares(threads, Math.Max(1, Math.Min(groups, threads / group)), group);
    }
}
