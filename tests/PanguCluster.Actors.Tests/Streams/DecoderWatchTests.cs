using System.Collections.Immutable;
using Akka.Actor;
using Akka.TestKit.Xunit;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using Xunit;

namespace PanguCluster.Actors.Tests.Streams;

public sealed class DecoderWatchTests : TestKit
{
    private static readonly Address Peer = new("akka.tcp", "pangu", "h", 1);
    private static readonly HashSet<Address> Used = [Peer];
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly ManualTime _time = new();
    private readonly List<Address> _asked = [];

    private PeerPulse Pulse() => new(_time, Interval, 5);

    private int Tick(PeerPulse pulse, int ticks = 1)
    {
        int suspected = 0;
        for (int i = 0; i < ticks; i++)
        {
            _time.Advance(Interval);
            suspected += pulse.Tick(Used, Used, _asked.Add);
        }
        return suspected;
    }

    [Fact]
    public void Peer_should_be_suspected_after_five_missed_pulses_and_come_back_when_it_answers()
    {
        var pulse = Pulse();
        Assert.Equal(0, Tick(pulse, 6));
        Assert.Equal(1, Tick(pulse));
        Assert.Contains(Peer, pulse.Suspected);
        long before = _time.GetTimestamp();
        Assert.False(pulse.Heard(Peer, before)); // asked before it was suspected
        Assert.Equal(0, Tick(pulse));
        Assert.True(pulse.Heard(Peer, _time.GetTimestamp()));
        Assert.Empty(pulse.Suspected);
        Assert.Equal(8, _asked.Count);
    }

    [Fact]
    public void Peer_should_be_suspected_at_once_and_once_when_its_connection_breaks()
    {
        var pulse = Pulse();
        Tick(pulse);
        Assert.True(pulse.Broken(Peer));
        Assert.False(pulse.Broken(Peer));
        Assert.Contains(Peer, pulse.Suspected);
    }

    [Fact]
    public void Nobody_should_be_suspected_when_the_watcher_itself_was_held_up()
    {
        var pulse = Pulse();
        Tick(pulse);
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(0, Tick(pulse));
        Assert.Equal(0, Tick(pulse, 4));
        Assert.Empty(pulse.Suspected);
    }

    [Fact]
    public void Peer_should_be_forgotten_when_nobody_uses_it_and_it_is_not_there()
    {
        var pulse = Pulse();
        Tick(pulse);
        pulse.Broken(Peer);
        pulse.Tick(new HashSet<Address>(), new HashSet<Address>(), _asked.Add);
        Assert.Empty(pulse.Suspected);
    }

    [Fact]
    public void Decoder_should_be_stalled_when_it_has_work_and_finishes_no_step_for_many_times_its_longest()
    {
        var watch = new StallWatch(_time, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(60), 8);
        var decoder = CreateTestProbe().Ref;
        Assert.Empty(Look(steps: 0, running: 1, after: 0));
        Assert.Empty(Look(0, 1, 59));
        Assert.Single(Look(0, 1, 2)); // the first step
        Assert.Empty(Look(1, 1, 1)); // it took 62 s
        Assert.Empty(Look(2, 1, 1));
        Assert.Empty(Look(2, 1, 8 * 62 - 1));
        Assert.Single(Look(2, 1, 2));
        Assert.Empty(Look(2, 0, 100)); // idle
        Assert.Empty(Look(2, 1, 100));

        ImmutableHashSet<IActorRef> Look(long steps, int running, int after)
        {
            _time.Advance(TimeSpan.FromSeconds(after));
            return watch.Look([new DecoderNode("n", decoder, new DecoderLoad(running, 0, 9, 9, 0, steps, 0), false)]);
        }
    }
}
