using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Planning;

namespace PanguCluster.Actors.Streams;

/// <summary>Brings every sign of a decoder's health together: the view, broken connections, the pulse of its node, its steps.</summary>
internal sealed class DecoderWatch
{
    private readonly StreamSettings _settings;
    private readonly IActorRefProvider _provider;
    private readonly IActorRef _self;
    private readonly PeerPulse _pulse;
    private readonly StallWatch _stalls;
    private ImmutableHashSet<IActorRef> _stalled = [];
    private HashSet<(IActorRef, NodeDuty)> _usable = [];

    /// <param name="self">The stream supervisor: its namesake on every node is asked, and answers to it.</param>
    public DecoderWatch(StreamSettings settings, IActorRefProvider provider, IActorRef self)
    {
        var options = settings.Options;
        _settings = settings;
        _provider = provider;
        _self = self;
        _pulse = new PeerPulse(settings.Time, options.Pulse, options.MissedPulses);
        _stalls = new StallWatch(settings.Time, options.Stall, options.FirstStepStall, options.StallFactor);
    }

    /// <param name="used">Decoders at work for this node's streams.</param>
    /// <returns>A decoder is usable no more, or again, or its duty is another one. The same goes for the others.</returns>
    public bool Tick(IReadOnlyCollection<IActorRef> used)
    {
        var present = _settings.View.Decoders.Where(d => !d.Local).Select(d => d.Decoder.Path.Address).ToHashSet();
        var nodes = used.Where(d => d.Path.Address.HasGlobalScope).Select(d => d.Path.Address).ToHashSet();
        int silent = _pulse.Tick(nodes, present, Ask);
        var load = _settings.LocalLoad.Value;
        var stalled = _stalls.Look([.. _settings.View.Decoders.Select(d => d.Local ? d with { Load = load } : d)]);
        _settings.Counters.Suspected(silent + stalled.Except(_stalled).Count);
        _stalled = stalled;
        return Changed();
    }

    public bool Broken(Address node)
    {
        if (!_settings.View.Decoders.Any(d => !d.Local && d.Decoder.Path.Address.Equals(node)) || !_pulse.Broken(node))
            return false;
        _settings.Counters.Suspected(1);
        return Changed();
    }

    public bool Heard(Address node, long sent) => _pulse.Heard(node, sent) && Changed();

    /// <summary>The view has changed.</summary>
    public bool Look() => Changed();

    private bool Changed()
    {
        _settings.Health.Doubt(_pulse.Suspected, _stalled);
        var usable = _settings.Health.Usable.Select(d => (d.Decoder, d.Duty)).ToHashSet();
        bool changed = !usable.SetEquals(_usable);
        _usable = usable;
        return changed;
    }

    private void Ask(Address node) => _provider.ResolveActorRef(new RootActorPath(node) / "user" / StreamSupervisor.Name)
        .Tell(new PulseProtocol.Pulse(_settings.Time.GetTimestamp()), _self);
}
