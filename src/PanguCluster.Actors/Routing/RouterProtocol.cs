using Akka.Actor;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Routing;

/// <summary>Between a decoder and its router, always on one node. The decoder has one layer out at a time, so the objects are reused.</summary>
public static class RouterProtocol
{
    public interface IMessage : INoSerializationVerificationNeeded;

    /// <summary>The buffer's inputs are filled. It belongs to the router until it replies LayerDone or LayerFailed.</summary>
    public sealed record DispatchLayer(LayerDispatch Buffer) : IMessage;

    /// <summary>All groups' outputs are in the buffer.</summary>
    public sealed class LayerDone : IMessage
    {
        public long StepId { get; internal set; }
        public int Layer { get; internal set; }
    }

    /// <summary>The layer cannot be finished; nobody touches the buffer any more.</summary>
    public sealed record LayerFailed(long StepId, int Layer, FailureKind Kind, string Message) : IMessage;

    public sealed record RoutesChanged(RouteTable Table) : IMessage;

    /// <summary>A device of this process came or went.</summary>
    internal sealed class DevicesChanged : IMessage
    {
        public static readonly DevicesChanged Instance = new();
    }

    /// <summary>Something that is out may be late by now.</summary>
    internal sealed class LookForLate : IMessage
    {
        public static readonly LookForLate Instance = new();
    }

    internal sealed class Tick : IMessage
    {
        public static readonly Tick Instance = new();
    }
}

/// <param name="LayerDeadline">Longest wait for a layer's groups, re-routes included.</param>
/// <param name="Tick">How often pending groups and links are looked after.</param>
public sealed record RouterOptions(TimeSpan LayerDeadline, TimeSpan Tick, TimeSpan ReconnectMin, TimeSpan ReconnectMax)
{
    /// <summary>How often a group's kernel may fail in one layer before the layer does.</summary>
    public int KernelAttempts { get; init; } = 2;

    public HedgeOptions Hedging { get; init; } = HedgeOptions.Default;

    public static RouterOptions Default { get; } = new(
        TimeSpan.FromSeconds(30), TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(2));
}
