using Akka.Actor;
using PanguCluster.Actors.Experts;

namespace PanguCluster.Actors.Placement.Node;

/// <summary>The stand-ins of this node: started at once, kept for a while after an owner is back, so that one that comes and goes does not make them come and go.</summary>
internal sealed class StandInSet(TimeProvider time, TimeSpan relief)
{
    private readonly Dictionary<int, (IActorRef Device, long? OwnedSince)> _devices = [];

    /// <param name="wanted">Groups without an owner.</param>
    /// <param name="start">Makes a device.</param>
    /// <returns>Groups that this node begins to stand in for.</returns>
    public IReadOnlyList<int> Follow(IReadOnlySet<int> wanted, Func<int, IActorRef> start)
    {
        long now = time.GetTimestamp();
        var begun = new List<int>();
        foreach (int g in wanted)
        {
            if (!_devices.ContainsKey(g))
                begun.Add(g);
            _devices[g] = (_devices.TryGetValue(g, out var present) ? present.Device : start(g), null);
        }
        foreach (var (g, (device, since)) in _devices.Where(d => !wanted.Contains(d.Key)).ToArray())
        {
            if (since is null)
                _devices[g] = (device, now);
            else if (time.GetElapsedTime(since.Value, now) >= relief && _devices.Remove(g))
                device.Tell(ExpertGroupProtocol.Retire.Instance);
        }
        return begun;
    }
}
