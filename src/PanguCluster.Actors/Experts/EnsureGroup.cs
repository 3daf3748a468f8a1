using PanguCluster.Actors.Wire;

namespace PanguCluster.Actors.Experts;

/// <summary>Sent to the shard region: this incarnation of the group must run where the placement table has it. Receiving it twice changes nothing.</summary>
public sealed record EnsureGroup(int Group, long Number) : IWireMessage;
