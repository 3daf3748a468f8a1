using PanguCluster.Actors.Events;

namespace PanguCluster.Actors.Wire;

/// <summary>Between an <see cref="EventPage"/> and its protobuf form. Reading validates: a peer is not trusted.</summary>
internal static class EventWire
{
    public static Proto.EventPage Write(EventPage page)
    {
        var message = new Proto.EventPage();
        foreach (var e in page.Events)
        {
            var one = new Proto.ClusterEvent
            {
                AtUnixMs = e.AtUnixMs, Recorder = e.Recorder, Sequence = e.Sequence, Kind = (int)e.Kind, Subject = e.Subject, Detail = e.Detail,
            };
            if (e.DurationMs is { } ms)
                one.DurationMs = ms;
            message.Events.Add(one);
        }
        return message;
    }

    public static EventPage Read(Proto.EventPage m) => m.Events.Count <= EventPage.Capacity
        ? EventPage.Of(m.Events.Select(Read))
        : throw new FormatException($"page of {m.Events.Count} events, the limit is {EventPage.Capacity}");

    private static ClusterEvent Read(Proto.ClusterEvent m)
    {
        RecordWire.ReadTime(m.AtUnixMs);
        Limit("recorder", m.Recorder, EventLimits.NameBytes);
        Limit("subject", m.Subject, EventLimits.NameBytes);
        Limit("detail", m.Detail, EventLimits.DetailBytes);
        if (m.Sequence < 0)
            throw new FormatException($"event with sequence {m.Sequence}");
        if (m.HasDurationMs && !(double.IsFinite(m.DurationMs) && m.DurationMs >= 0))
            throw new FormatException($"event of {m.DurationMs} ms");
        return new ClusterEvent(
            m.AtUnixMs, m.Recorder, m.Sequence, SequenceWire.ReadEnum<ClusterEventKind>(m.Kind), m.Subject, m.Detail, m.HasDurationMs ? m.DurationMs : null);
    }

    private static void Limit(string field, string text, int bytes)
    {
        if (!EventLimits.Fits(text, bytes))
            throw new FormatException($"{field} of an event is longer than {bytes} bytes");
    }
}
