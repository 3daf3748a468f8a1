using Akka.Actor;

namespace PanguCluster.Actors.Experts;

/// <summary>The devices of this process that can compute now: written by them, read by the router and by the links without a lock.</summary>
public sealed class LocalDevices(int groups)
{
    private readonly IActorRef?[] _devices = new IActorRef?[groups];

    public int Groups => _devices.Length;

    /// <summary>After a device has gone. Called on that device's thread: must only hand over or revoke.</summary>
    public event Action? Removed;

    /// <summary>The device of a group, or null.</summary>
    public IActorRef? this[int group] => Volatile.Read(ref _devices[group]);

    public void Add(int group, IActorRef device) => Volatile.Write(ref _devices[group], device);

    /// <summary>Takes a device out, unless a newer one has its place.</summary>
    public void Remove(int group, IActorRef device)
    {
        if (Interlocked.CompareExchange(ref _devices[group], null, device) == device)
            Removed?.Invoke();
    }
}
