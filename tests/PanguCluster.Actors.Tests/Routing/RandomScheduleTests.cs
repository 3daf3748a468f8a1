using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Routing;
using Xunit;

namespace PanguCluster.Actors.Tests.Routing;

/// <summary>
/// Layers under random faults: links come and go, peers answer late, twice, in part or not ready, devices hang and vanish. Whatever happens,
/// every layer ends with the bytes of a run without faults, and nobody writes into it afterwards.
/// </summary>
public sealed class RandomScheduleTests : ExchangeHarness
{
    private static readonly HedgeOptions Eager = HedgeOptions.Default with { Unknown = TimeSpan.FromMilliseconds(10), Share = 1, Burst = 100 };

    private readonly List<(ComputeRows Work, byte Value)> _computing = [];
    private readonly List<(FakeLink Link, (int[] Groups, long Attempt, long Step, int Layer) Frame)> _late = [];
    private readonly FakeLink[] _links;
    private readonly HashSet<FakeLink> _up;
    private RouteTable _routes = RouteTable.Empty(8);
    private Random _random = new(0);

    public RandomScheduleTests() : base(Eager)
    {
        _links = [_a, _b, new FakeLink("c")];
        _up = [.. _links];
    }

    /// <summary>What a plain run computes.</summary>
    private static byte Value(long step, int layer, int group) => (byte)(step * 31 + layer * 7 + group + 1);

    [Fact]
    public void Layers_should_have_the_bytes_of_a_plain_run_whatever_fails_and_when()
    {
        for (int seed = 1; seed <= 300; seed++)
        {
            _random = new Random(seed);
            for (int layer = 0; layer < 10; layer++)
                RunLayer(seed, layer);
        }
        // The schedules must have met what they are for.
        Assert.True(_faults.Hedges > 100 && _faults.HedgeWins > 50 && _faults.Resent > 100 && _faults.LateAnswers > 100,
            $"{_faults.Hedges} hedges, {_faults.HedgeWins} won, {_faults.Resent} sent again, {_faults.LateAnswers} late");
    }

    private void RunLayer(int seed, int layer)
    {
        (_buffer.StepId, _buffer.Layer, _buffer.Rows) = (seed, layer, 1 + _random.Next(8));
        _buffer.Outputs.AsSpan().Clear();
        NewRoutes();
        _exchange.Use(_routes, [.. _up]);
        _exchange.Begin(_buffer);
        _exchange.Send(_now);
        for (int i = 0; !_exchange.IsComplete; i++)
        {
            Assert.True(i < 2000, $"seed {seed}, layer {layer}: groups {string.Join(", ", _exchange.Pending)} never end");
            // From some point on everything is well, or the layer might rightly never end.
            Act(faults: i < 300);
        }
        AssertPlain(seed);
        _exchange.End();
        for (int i = 0; i < 5; i++)
            Act(faults: true, between: true);
        AssertPlain(seed);
    }

    private void AssertPlain(int seed)
    {
        for (int g = 0; g < 8; g++)
            Assert.True(_buffer.OutputOf(g).IndexOfAnyExcept(Value(_buffer.StepId, _buffer.Layer, g)) < 0, $"seed {seed}, layer {_buffer.Layer}, group {g}");
    }

    private void NewRoutes()
    {
        string[] nodes = ["a", "b", "c", "me"];
        var owners = new string[8];
        for (int g = 0; g < 8; g++)
        {
            _random.Shuffle(nodes);
            owners[g] = string.Join(',', nodes.Take(1 + _random.Next(3)));
        }
        _routes = Routes(owners);
        for (int g = 0; g < 8; g++)
            if (_devices[g] is null)
                AddDevice(g);
    }

    private void Act(bool faults, bool between = false)
    {
        _now += _random.Next(2000);
        int what = _random.Next(faults ? 12 : 6);
        if (what < 3)
            AnswerSome(faults);
        else if (what < 5)
            ComputeSome();
        else if (what == 5)
            Tick(heal: !faults);
        else if (what < 8)
            _now += 8000;
        else if (what == 8)
            Toggle(_links[_random.Next(_links.Length)]);
        else if (what == 9)
            RemoveDevice(_random.Next(8));
        else if (what == 10 && !between)
            NewRoutes();
        else if (what == 11 && _late.Count > 0)
            Deliver(_late[_random.Next(_late.Count)], ComputeStatus.Done); // stays there: it may come twice
        _exchange.Use(_routes, [.. _up]);
        _exchange.Hedge(_now);
        _exchange.Send(_now);
    }

    private void AnswerSome(bool faults)
    {
        var link = _links[_random.Next(_links.Length)];
        if (link.Frames.Count == 0)
            return;
        int i = _random.Next(link.Frames.Count);
        var frame = link.Frames[i];
        link.Frames.RemoveAt(i);
        if (faults && _random.Next(4) == 0)
            _late.Add((link, frame));
        else
            Deliver((link, frame), faults && _random.Next(4) == 0 ? ComputeStatus.NotReady : ComputeStatus.Done);
    }

    /// <param name="other">Done for all groups; otherwise half of them are so, the others have this status.</param>
    private void Deliver((FakeLink Link, (int[] Groups, long Attempt, long Step, int Layer) Frame) sent, ComputeStatus other)
    {
        var (groups, attempt, step, layer) = sent.Frame;
        var reply = Reply(sent.Link, groups, 0, step, layer, attempt);
        reply.Header = reply.Header with { Rows = _buffer.StepId == step && _buffer.Layer == layer ? _buffer.Rows : 3 };
        int done = 0;
        for (int i = 0; i < groups.Length; i++)
        {
            reply.Status[i] = i % 2 == 0 ? other : ComputeStatus.Done;
            int bytes = reply.Header.Rows * reply.OutputRowBytes;
            if (reply.Status[i] == ComputeStatus.Done)
                reply.Outputs.AsSpan(done++ * bytes, bytes).Fill(Value(step, layer, groups[i]));
        }
        OnRemote(reply);
    }

    /// <summary>A device claims work, or finishes what it has claimed; it writes when it finishes.</summary>
    private void ComputeSome()
    {
        if (_computing.Count > 0 && _random.Next(2) == 0)
        {
            var (work, value) = _computing[^1];
            _computing.RemoveAt(_computing.Count - 1);
            work.Buffer.OutputOf(work.Group).Fill(value);
            work.Complete(ComputeStatus.Done);
            return;
        }
        if (_mailbox.Count == 0)
            return;
        var next = _mailbox[0];
        _mailbox.RemoveAt(0);
        if (next.TryClaim())
            _computing.Add((next, Value(next.Buffer.StepId, next.Buffer.Layer, next.Group)));
    }

    private void Tick(bool heal)
    {
        _exchange.Forgive();
        _exchange.RevokeOrphans();
        if (!heal)
            return;
        _up.UnionWith(_links);
        foreach (var late in _late)
            Deliver(late, ComputeStatus.Done);
        _late.Clear();
        for (int g = 0; g < 8; g++)
            if (_devices[g] is null)
                AddDevice(g);
    }

    private void Toggle(FakeLink link)
    {
        if (_up.Remove(link))
            link.Frames.Clear();
        else
            _up.Add(link);
    }

    private void RemoveDevice(int group)
    {
        if (_devices[group] is not { } device)
            return;
        _devices.Remove(group, device);
        _mailbox.RemoveAll(w => w.Group == group);
    }
}
