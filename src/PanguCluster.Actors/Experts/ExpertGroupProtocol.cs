using Akka.Actor;
using PanguCluster.Actors.Placement;
using PanguCluster.Model.Kernels;

namespace PanguCluster.Actors.Experts;

/// <summary>What a device says inside its process. <see cref="EnsureGroup"/> is the one message that reaches it from outside.</summary>
public static class ExpertGroupProtocol
{
    public interface IMessage : INoSerializationVerificationNeeded;

    /// <summary>To the node's placement: this process owns the group in this state.</summary>
    public sealed record Report(OwnedGroup Group, IActorRef Device) : IMessage;

    /// <summary>To the node's placement: the device has stopped.</summary>
    public sealed record Stopped(int Group, IActorRef Device) : IMessage;

    /// <summary>From the node's placement: the table has no place for this device any more.</summary>
    public sealed record Retire : IMessage
    {
        public static readonly Retire Instance = new();
    }

    internal sealed record Fetching(GroupFetching Fetch, long Bytes) : IMessage;

    /// <param name="Error">Null: the file is here.</param>
    internal sealed record Fetched(GroupFetching Fetch, Exception? Error) : IMessage;

    internal sealed record Opened(GroupOpening Opening) : IMessage;

    internal sealed record OpenAgain : IMessage
    {
        public static readonly OpenAgain Instance = new();
    }
}

/// <summary>How devices are opened and how long they wait after a failure.</summary>
public sealed record DeviceOptions(GroupOptions Group, TimeSpan RetryMin, TimeSpan RetryMax)
{
    /// <summary>Says of each device whether it reads all its weights once before it is ready.</summary>
    public WarmBudget Warm { get; init; } = new(WarmMode.On, 0, () => 0);

    public static DeviceOptions Default(int maxRows) => new(new GroupOptions(maxRows), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
}
