using Pangu.V1;

namespace PanguCluster.Node.Console;

/// <summary>From what a user types, an id or its beginning, to one operation.</summary>
public static class OperationNames
{
    /// <returns>Null: the asked node knows of none.</returns>
    /// <exception cref="CommandFailedException">Nothing is typed, or the beginning of several.</exception>
    public static Operation? Find(ClusterState cluster, string name)
    {
        if (name.Length == 0)
            throw new CommandFailedException(ExitCodes.Usage, "OPERATION: empty; name an operation, or the beginning of its id");
        if (cluster.Operations.FirstOrDefault(o => o.Id == name) is { } exact)
            return exact;
        var found = cluster.Operations.Where(o => o.Id.StartsWith(name, StringComparison.Ordinal)).ToList();
        return found.Count <= 1
            ? found.FirstOrDefault()
            : throw new CommandFailedException(
                ExitCodes.Usage, $"'{name}' is the beginning of several operations: {string.Join(", ", found.Select(OperatorTables.Name))}");
    }
}
