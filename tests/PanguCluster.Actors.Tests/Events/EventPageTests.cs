using FsCheck.Xunit;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Wire;
using Xunit;
using WireEvent = PanguCluster.Actors.Wire.Proto.ClusterEvent;

namespace PanguCluster.Actors.Tests.Events;

public sealed class EventPageTests
{
    [Property(MaxTest = 500)]
    public void Merge_should_be_idempotent_commutative_and_associative_when_pages_are_any(int seed)
    {
        var random = new Random(seed);
        var (a, b, c) = (Page(random), Page(random), Page(random));

        Assert.Equal(a, a.Merge(EventPage.Of(a.Events)));
        Assert.Equal(a.Merge(b), b.Merge(a));
        Assert.Equal(a.Merge(b).Merge(c), a.Merge(b.Merge(c)));
    }

    [Property(MaxTest = 200)]
    public void Page_should_keep_the_newest_of_all_when_it_overflows_in_any_order(int seed)
    {
        var random = new Random(seed);
        ClusterEvent[] all = [.. Enumerable.Range(0, 3 * EventPage.Capacity).Select(i => Event(random.Next(100), "n1", i))];
        var page = EventPage.Empty;
        foreach (var e in all.OrderBy(_ => random.Next()))
            page = page.Add([e]);

        Assert.Equal(all.Order(EventOrder.Instance).TakeLast(EventPage.Capacity), page.Events);
    }

    [Fact]
    public void All_pages_should_fit_half_a_frame_when_every_event_is_as_long_as_it_may_be()
    {
        string name = new('n', EventLimits.NameBytes);
        string detail = EventLimits.Fit(new string('\u6f22', 1000), EventLimits.DetailBytes);
        var events = Enumerable.Range(0, EventPage.Capacity).Select(i => new ClusterEvent(253402300799999, name, long.MaxValue - i, ClusterEventKind.NodeUp, name, detail, 1e9));
        var page = EventPage.Of(events);

        Assert.Equal(EventPage.Capacity, page.Events.Length);
        Assert.InRange(EventPageKey.Count * EventWire.Write(page).CalculateSize(), 1, 512 * 1024);
    }

    [Theory]
    [InlineData("plain", 64, "plain")]
    [InlineData("two\nlines", 64, "two lines")]
    [InlineData("\u6f22\u6f22", 5, "\u6f22")]
    [InlineData("", 5, "")]
    public void Text_should_be_cut_at_a_character_when_it_is_too_long(string text, int bytes, string expected) =>
        Assert.Equal(expected, EventLimits.Fit(text, bytes));

    [Fact]
    public void Page_should_be_refused_when_a_field_is_beyond_its_limit()
    {
        var good = EventWire.Write(EventPage.Of([Event(1, "n1", 1)]));
        Assert.Single(EventWire.Read(good).Events);
        (string Field, Action<WireEvent> Break)[] faults =
        [
            ("recorder", b => b.Recorder = new string('x', EventLimits.NameBytes + 1)),
            ("subject", b => b.Subject = new string('x', EventLimits.NameBytes + 1)),
            ("detail", b => b.Detail = new string('x', EventLimits.DetailBytes + 1)),
            ("sequence", b => b.Sequence = -1),
            ("NaN", b => b.DurationMs = double.NaN),
            ("ClusterEventKind", b => b.Kind = 999),
            ("time", b => b.AtUnixMs = -1),
        ];
        foreach (var (field, wound) in faults)
        {
            var bad = good.Clone();
            wound(bad.Events[0]);
            Assert.Contains(field, Assert.Throws<FormatException>(() => EventWire.Read(bad)).Message, StringComparison.Ordinal);
        }
        for (int i = 0; i < EventPage.Capacity; i++)
            good.Events.Add(good.Events[0].Clone());
        Assert.Contains("the limit is 64", Assert.Throws<FormatException>(() => EventWire.Read(good)).Message, StringComparison.Ordinal);
    }

    private static EventPage Page(Random random) => EventPage.Of(Enumerable.Range(0, random.Next(2 * EventPage.Capacity))
        .Select(_ => Event(random.Next(40), $"n{random.Next(3)}", random.Next(60))));

    private static ClusterEvent Event(long at, string recorder, long sequence) => new(at, recorder, sequence, ClusterEventKind.NodeUp, "s", "d", null);
}
