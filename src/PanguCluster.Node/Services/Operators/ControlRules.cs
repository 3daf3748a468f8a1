using System.Globalization;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement;

namespace PanguCluster.Node.Services;

/// <summary>Checks what an operator asks for, and finds whole ids for shortened ones. Pure.</summary>
public static class ControlRules
{
    /// <summary>Most candidates that are named when the beginning of an id is that of several.</summary>
    private const int Candidates = 5;

    private const int IdLength = 64;

    /// <exception cref="RequestError">Names the field and the limit.</exception>
    public static ControlCommand.Drain Check(DrainRequest request, ClusterSnapshot cluster)
    {
        if (request.TimeoutSeconds is < 0 or > RequestLimits.DrainSeconds)
            throw RequestError.Invalid(Text($"timeout_seconds: {request.TimeoutSeconds}; give 1 .. {RequestLimits.DrainSeconds}, or 0 for {RequestLimits.DefaultDrainSeconds}"));
        int seconds = request.TimeoutSeconds == 0 ? RequestLimits.DefaultDrainSeconds : request.TimeoutSeconds;
        return new ControlCommand.Drain(Node(request.Node, cluster), TimeSpan.FromSeconds(seconds), request.Leave);
    }

    /// <inheritdoc cref="Check(DrainRequest, ClusterSnapshot)" path="/exception"/>
    public static ControlCommand.Scale Check(ScaleRequest request) => request.Nodes is >= 1 and <= RequestLimits.Nodes
        ? new ControlCommand.Scale(request.Nodes)
        : throw RequestError.Invalid(Text($"nodes: {request.Nodes}; give 1 .. {RequestLimits.Nodes}"));

    /// <returns>The id of the node that is meant.</returns>
    /// <exception cref="RequestError">No id, or none or several nodes whose id begins so.</exception>
    public static string Node(string given, ClusterSnapshot cluster)
    {
        CheckId("node", given);
        string[] known = [.. cluster.Nodes.Select(n => n.Id).Where(id => id.Length > 0).Order(StringComparer.Ordinal)];
        return Find("node", "nodes", given, known) ?? throw new RequestError(
            StatusCode.NotFound, $"node: there is no node '{given}'; there {(known.Length == 1 ? "is" : "are")} {Name(known)}");
    }

    /// <returns>The id of the operation that is meant, or what was given when this node knows of none: it may hear of it in a moment.</returns>
    /// <exception cref="RequestError">No id, or several operations whose id begins so.</exception>
    public static string Operation(string given, ClusterSnapshot cluster)
    {
        CheckId("operation_id", given);
        return Find("operation_id", "operations", given, [.. cluster.Operations.Select(o => o.Id)]) ?? given;
    }

    private static void CheckId(string field, string given)
    {
        if (given.Length is 0 or > IdLength)
            throw RequestError.Invalid(Text($"{field}: {(given.Length == 0 ? "empty" : $"{given.Length} characters")}; give 1 .. {IdLength} characters"));
    }

    private static string? Find(string field, string what, string given, IReadOnlyList<string> known)
    {
        if (known.Contains(given))
            return given;
        string[] found = [.. known.Where(id => id.StartsWith(given, StringComparison.Ordinal)).Distinct()];
        return found.Length <= 1
            ? found.FirstOrDefault()
            : throw RequestError.Invalid($"{field}: '{given}' is the beginning of several {what}: {Name(found)}");
    }

    private static string Name(string[] ids) =>
        string.Join(", ", ids.Take(Candidates)) + (ids.Length > Candidates ? Text($" and {ids.Length - Candidates} more") : "");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
