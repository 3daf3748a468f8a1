using PanguCluster.Chaos.Plans;
using PanguCluster.Chaos.Processes;

namespace PanguCluster.Chaos.Faults;

/// <summary>One kind of fault, and how to do it to a real cluster.</summary>
internal interface IFault
{
    /// <summary>As users type it.</summary>
    string Kind { get; }

    /// <summary>One sentence for <c>pangu-chaos list</c>.</summary>
    string Summary { get; }

    /// <summary>Seconds it lasts, least and most; both 0 where it is over at once.</summary>
    (double Least, double Most) Lasts { get; }

    /// <summary>Why this machine cannot do it (a missing tool, not root), with what to install; null: it can.</summary>
    string? Unavailable { get; }

    /// <summary>Does it.</summary>
    /// <returns>What was done, in words: <c>SIGKILL to node-10.2.1.3-4000 (process 123)</c>. Null: the cluster was not in a state to do it to.</returns>
    Task<string?> StrikeAsync(ChaosCluster cluster, PlannedFault fault, CancellationToken stop);

    /// <summary>Undoes what the cluster does not undo by itself: starts the killed node again, joins the network. Called once for every strike that did something.</summary>
    Task MendAsync(ChaosCluster cluster, PlannedFault fault, CancellationToken stop);
}
