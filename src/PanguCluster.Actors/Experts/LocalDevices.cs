using Akka.Actor;

namespace PanguCluster.Actors.Experts;

/// <summary>The devices of this process that can compute now: written by them, read by the router and by the links without a lock.</summary>
public sealed class LocalDevices(int groups)
{
    private readonly IActorRef?[] _devices = new IActorRef?[groups];
    private readonly long[] _computed = new long[groups];

    public int Groups => _devices.Length;

    /// <summary>After a device has gone. Called on that device's thread: must only hand over or revoke.</summary>
    public event Action? Removed;

    /// <summary>The device of a group, or null.</summary>
    public IActorRef? this[int group] => Volatile.Read(ref _devices[group]);

    /// <summary>[group] token rows that devices of this process have computed, over all layers.</summary>
    public long[] Computed
    {
        get
        {
            long[] rows = new long[_computed.Length];
            for (int g = 0; g < rows.Length; g++)
                rows[g] = Volatile.Read(ref _computed[g]);
            return rows;
        }
    }

    public void Count(int group, int rows) => Interlocked.Add(ref _computed[group], rows);

    public void Add(int group, IActorRef device) => Volatile.Write(ref _devices[group], device);

    /// <summary>Takes a device out, unless a newer one has its place.</summary>
    public void Remove(int group, IActorRef device)
    {
        if (Interlocked.CompareExchange(ref _devices[group], null, device) == device)
            Removed?.Invoke();
    }
}
