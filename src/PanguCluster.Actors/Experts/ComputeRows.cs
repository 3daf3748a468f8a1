using Akka.Actor;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Experts;

public enum ComputeStatus
{
    Done = 0,

    /// <summary>The device is not (or no longer) ready: nothing was computed, ask another owner.</summary>
    NotReady = 1,

    /// <summary>The kernel failed.</summary>
    Failed = 2,
}

/// <summary>Gets its work back when a device has done with it. Called on the device's thread: must only hand over.</summary>
public interface IComputeOwner
{
    void Completed(ComputeRows work);
}

/// <summary>
/// One group's share of one layer, for a device of this process. The object and the slice of the buffer it names belong to the device
/// from <see cref="Send"/> until <see cref="IComputeOwner.Completed"/>; it is reused for the next layer, so the steady state allocates
/// nothing. A device claims it before it touches the buffer; until then the owner may revoke it and go elsewhere. So a late device
/// can never write into a buffer that has moved on.
/// </summary>
public sealed class ComputeRows(LayerDispatch buffer, int group, IComputeOwner owner) : INoSerializationVerificationNeeded
{
    private const int Owned = 0;
    private const int Sent = 1;
    private const int Claimed = 2;
    private const int Revoked = 3;

    private int _state = Owned;

    public LayerDispatch Buffer { get; } = buffer;
    public int Group { get; } = group;

    /// <summary>Whom it was sent to; the owner compares it with the group's present device.</summary>
    public IActorRef? Device { get; private set; }

    public ComputeStatus Status { get; private set; }
    public string? Error { get; private set; }

    public void Send(IActorRef device)
    {
        Device = device;
        Status = ComputeStatus.NotReady;
        Error = null;
        Volatile.Write(ref _state, Sent);
        device.Tell(this, ActorRefs.NoSender);
    }

    /// <summary>Device side. False: revoked, the buffer must not be touched.</summary>
    public bool TryClaim() => Interlocked.CompareExchange(ref _state, Claimed, Sent) == Sent;

    /// <summary>Device side, after a claim: hands work and buffer back.</summary>
    public void Complete(ComputeStatus status, string? error = null)
    {
        Status = status;
        Error = error;
        Volatile.Write(ref _state, Owned);
        owner.Completed(this);
    }

    /// <summary>
    /// Owner side. True: no device will ever touch the buffer for this object; it may still lie in a mailbox, so it must be replaced
    /// by a new one. False: it is being computed (completion follows) or has been completed.
    /// </summary>
    public bool TryRevoke() => Interlocked.CompareExchange(ref _state, Revoked, Sent) == Sent;
}
