using PanguCluster.Actors.Control;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Planning;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.Hosting;

/// <summary>
/// Empties a node before it stops: new calls go elsewhere, other nodes open its groups and prefill its sequences before these end here, and its
/// clients' streams end by themselves, all that within a limit.
/// </summary>
public sealed class NodeDrain(NodeIdentity self, IClusterView view, IClusterControl control, GatewayDuty duty, TimeProvider time)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    /// <summary>Before the coordinator is asked again.</summary>
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);

    /// <param name="limit">Longest time it may take. What is left then is dropped with the node.</param>
    /// <param name="empty">The coordinator has emptied the node already.</param>
    /// <returns>Why it is over: for people.</returns>
    public async Task<string> RunAsync(TimeSpan limit, bool empty)
    {
        duty.Stop();
        using var late = new CancellationTokenSource(limit, time);
        try
        {
            if (!empty && await AskAsync(limit, late.Token).ConfigureAwait(false) is { } refusal)
                return refusal;
            while (true)
            {
                var cluster = view.Current;
                string? holds = WhatHolds(cluster, self.Id, duty.Calls);
                var drain = empty ? null : DrainOf(cluster, self.Id);
                bool helped = HasHelp(cluster, self.Id);
                // What was sent here before its sender knew of the drain may come yet: the coordinator waits for that.
                if (holds is null && (empty || !helped || drain is { State: OperationState.Done }))
                    return "it is empty";
                if (holds is not null && !helped)
                    return "no other node takes its work: " + holds;
                if (drain is { State: OperationState.Failed or OperationState.Aborted })
                    return "the drain has ended: " + drain.Detail;
                await Task.Delay(Poll, time, late.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            return $"not empty after {limit.TotalSeconds:0} s: {WhatHolds(view.Current, self.Id, duty.Calls) ?? "the coordinator does not answer"}";
        }
    }

    /// <summary>What the node still has; null: nothing. Pure.</summary>
    public static string? WhatHolds(ClusterSnapshot cluster, string self, int calls)
    {
        var node = cluster.Nodes.FirstOrDefault(n => n.Id == self);
        int groups = cluster.Groups.Count(g => g.Replicas.Any(r => r.NodeId == self) || node?.Groups.Contains(g.Group) == true);
        int sequences = node?.Load is { } load ? load.Running + load.Waiting : 0;
        return groups + sequences + calls == 0 ? null : $"{groups} groups, {sequences} sequences and {calls} calls are left";
    }

    /// <summary>Whether a node is there that takes work. Pure.</summary>
    public static bool HasHelp(ClusterSnapshot cluster, string self) => cluster.Nodes.Any(
        n => n.Id != self && n is { Status: "Up", Suspected: false } && n.ModelDigest == cluster.ModelDigest && n.Duty != NodeDuty.Drains);

    /// <returns>Why there is nothing to wait for; null: the drain is under way.</returns>
    private async Task<string?> AskAsync(TimeSpan limit, CancellationToken late)
    {
        while (HasHelp(view.Current, self.Id))
        {
            try
            {
                // The coordinator gives a little more, so that it does not send work back to a node that is about to stop.
                var reply = await control.SendAsync(new ControlCommand.Drain(self.Id, limit * 2), late).ConfigureAwait(false);
                return reply.Accepted ? null : reply.Reason;
            }
            catch (ControlUnavailableException)
            {
                await Task.Delay(Retry, time, late).ConfigureAwait(false);
            }
        }
        return "no other node takes its work";
    }

    private static OperationInfo? DrainOf(ClusterSnapshot cluster, string self) =>
        cluster.Operations.FirstOrDefault(o => o.Kind == OperationKind.Drain && o.Subject == self);
}
