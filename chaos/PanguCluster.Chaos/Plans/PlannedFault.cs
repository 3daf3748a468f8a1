namespace PanguCluster.Chaos.Plans;

/// <summary>One thing that a plan lets go wrong, or lets an operator do.</summary>
/// <param name="Number">0-based, in order of <paramref name="At"/>.</param>
/// <param name="Kind">A name of <see cref="Faults.FaultCatalogue"/>, as users type it: <c>kill</c>, <c>partition-one-way</c>.</param>
/// <param name="At">Seconds from the moment on which every caller is served.</param>
/// <param name="Seconds">How long it lasts; 0: it is over at once, and mended right after (a killed node is started again).</param>
/// <param name="Node">0-based place of the node it strikes.</param>
/// <param name="Strength">In [0, 1): where in its own range the fault is: delay, rate, how many scaled to. Its meaning is the kind's.</param>
internal sealed record PlannedFault(int Number, string Kind, double At, double Seconds, int Node, double Strength);
