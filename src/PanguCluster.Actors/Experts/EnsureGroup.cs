using PanguCluster.Actors.Wire;

namespace PanguCluster.Actors.Experts;

/// <summary>Sent to the shard region: the group's entity must run somewhere. Receiving it twice changes nothing.</summary>
public sealed record EnsureGroup(int Group) : IWireMessage;
