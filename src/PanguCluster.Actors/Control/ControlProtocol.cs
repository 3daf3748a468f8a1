using PanguCluster.Actors.Wire;

namespace PanguCluster.Actors.Control;

/// <summary>Between the nodes' operator services and the placement coordinator.</summary>
public static class ControlProtocol
{
    /// <param name="RequestId">The same request twice has one effect and the same answer.</param>
    public sealed record Request(string RequestId, ControlCommand Command) : IWireMessage;

    public sealed record Answer(string RequestId, ControlReply Reply) : IWireMessage;
}
