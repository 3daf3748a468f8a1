using Pangu.V1;

namespace PanguCluster.Node.Console;

/// <summary>From what a user types, an id or its beginning, to one node.</summary>
public static class NodeNames
{
    /// <exception cref="CommandFailedException">None, or several.</exception>
    public static Pangu.V1.Node Find(ClusterState cluster, string name)
    {
        if (name.Length == 0)
            throw new CommandFailedException(ExitCodes.Usage, "NODE: empty; name a node, or the beginning of its id");
        if (cluster.Nodes.FirstOrDefault(n => n.Id == name) is { } exact)
            return exact;
        var found = cluster.Nodes.Where(n => n.Id.StartsWith(name, StringComparison.Ordinal)).OrderBy(n => n.Id, StringComparer.Ordinal).ToList();
        return found.Count switch
        {
            0 => throw new CommandFailedException(ExitCodes.Failed, $"there is no node '{name}'; 'pangu nodes' lists those there are"),
            1 => found[0],
            _ => throw new CommandFailedException(
                ExitCodes.Usage, $"'{name}' is the beginning of several nodes: {string.Join(", ", found.Select(n => n.Id))}"),
        };
    }
}
