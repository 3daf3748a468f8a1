using System.Globalization;
using Pangu.V1;
using PanguCluster.Node.Options;
using Spectre.Console;

namespace PanguCluster.Node.Console;

/// <summary>Operations, plans and events in tables.</summary>
public static class OperatorTables
{
    /// <summary>An operation in a few words: "drain n2 (3fa8)".</summary>
    public static string Name(Operation operation) =>
        $"{operation.Kind.ToString().ToLowerInvariant()}{(operation.Subject.Length > 0 ? " " + operation.Subject : "")} ({operation.Id})";

    public static void Operations(IAnsiConsole console, ClusterState cluster) => Operations(console, cluster, TimeProvider.System.GetUtcNow());

    public static void Operations(IAnsiConsole console, ClusterState cluster, DateTimeOffset now)
    {
        var table = Output.Table("operation", "kind", "subject", "state", "steps", "age", "took", "detail");
        foreach (var operation in cluster.Operations)
        {
            var started = DateTimeOffset.FromUnixTimeMilliseconds(operation.StartedUnixMs);
            var ended = operation.EndedUnixMs == 0 ? now : DateTimeOffset.FromUnixTimeMilliseconds(operation.EndedUnixMs);
            table.Row(operation.Id, operation.Kind.ToString().ToLowerInvariant(), operation.Subject.Length > 0 ? operation.Subject : "-",
                operation.State.ToString().ToLowerInvariant(), $"{Number(operation.StepsDone)}/{Number(operation.StepsTotal)}",
                SessionTables.Age(now - started), SessionTables.Age(ended - started), operation.Detail);
        }
        console.Write(table);
    }

    public static void Plan(IAnsiConsole console, PlacementPlan plan)
    {
        if (plan.Moves.Count == 0)
            console.WriteLine("nothing to move: the groups are as even as the nodes allow");
        else
        {
            var table = Output.Table("group", "from", "to", "size", "file");
            foreach (var move in plan.Moves)
                table.Row(Number(move.Group), move.From.Length > 0 ? move.From : "(new)", move.To.Length > 0 ? move.To : "(dropped)",
                    ByteSize.Format(move.Bytes), move.To.Length == 0 ? "-" : move.Fetches ? "fetched from a peer" : "there");
            console.Write(table);
            long fetched = plan.Moves.Where(m => m.Fetches).Sum(m => m.Bytes);
            string shares = string.Join(", ", plan.Shares.Select(s => $"{s.NodeId} {Number(s.GroupsNow)} -> {Number(s.GroupsPlanned)}"));
            console.WriteLine($"{Number(plan.Moves.Count)} {(plan.Moves.Count == 1 ? "move" : "moves")}, {ByteSize.Format(fetched)} to fetch; groups per node: {shares}");
        }
        if (plan.ShortGroups.Count > 0)
            console.WriteLine($"fewer replicas than wanted, for want of nodes or memory: groups {string.Join(", ", plan.ShortGroups.Select(g => Number(g)))}");
    }

    public static string EventHeader => Line("TIME (UTC)", "EVENT", "SUBJECT", "TOOK", "SEEN BY", "DETAIL");

    public static string Event(ClusterEvent happened) => Line(
        DateTimeOffset.FromUnixTimeMilliseconds(happened.AtUnixMs).ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture), happened.Kind.ToString(),
        happened.Subject, Took(happened), happened.Recorder, happened.Detail);

    /// <summary>How long it took, in a unit that suits; "-" where there is nothing to measure.</summary>
    public static string Took(ClusterEvent happened) => !happened.HasDurationMs ? "-" : happened.DurationMs < 1000
        ? happened.DurationMs.ToString("0.#", CultureInfo.InvariantCulture) + " ms"
        : (happened.DurationMs / 1000).ToString("0.##", CultureInfo.InvariantCulture) + " s";

    /// <summary>Of a width that is known before the next event is.</summary>
    private static string Line(string time, string kind, string subject, string took, string recorder, string detail) =>
        $"{time,-23}   {kind,-18}   {subject,-12}   {took,-8}   {recorder,-12}   {detail}".TrimEnd();

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
