using System.Collections.Immutable;
using Akka.Actor;
using PanguCluster.Actors.Placement;

namespace PanguCluster.Actors.Streams;

/// <summary>
/// Decoders that are alive and have work, and finish no step: a kernel hangs. The limit is generous, many times the longest step that was
/// seen, because a slow machine is no fault. Pure.
/// </summary>
/// <param name="least">Least limit once a decoder has been seen to finish steps.</param>
/// <param name="first">Limit for a decoder's first step.</param>
/// <param name="factor">Times the longest step seen.</param>
internal sealed class StallWatch(TimeProvider time, TimeSpan least, TimeSpan first, double factor)
{
    private sealed class Watched(long steps, long since)
    {
        public long Steps = steps;
        public long Since = since;
        public TimeSpan Longest;
    }

    private readonly Dictionary<IActorRef, Watched> _watched = [];

    public ImmutableHashSet<IActorRef> Look(ImmutableArray<DecoderNode> decoders)
    {
        long now = time.GetTimestamp();
        foreach (var gone in _watched.Keys.Where(w => !decoders.Any(d => d.Decoder.Equals(w))).ToArray())
            _watched.Remove(gone);
        return [.. decoders.Where(d => IsStalled(d, now)).Select(d => d.Decoder)];
    }

    private bool IsStalled(DecoderNode decoder, long now)
    {
        if (!_watched.TryGetValue(decoder.Decoder, out var watched))
        {
            _watched.Add(decoder.Decoder, new Watched(decoder.Load.Steps, now));
            return false;
        }
        var elapsed = time.GetElapsedTime(watched.Since, now);
        if (decoder.Load.Steps != watched.Steps)
        {
            watched.Longest = watched.Longest > elapsed ? watched.Longest : elapsed;
            (watched.Steps, watched.Since) = (decoder.Load.Steps, now);
        }
        else if (decoder.Load.Running + decoder.Load.Waiting == 0)
            watched.Since = now;
        else
            return elapsed > Limit(watched);
        return false;
    }

    private TimeSpan Limit(Watched watched)
    {
        if (watched.Longest == TimeSpan.Zero)
            return first;
        var limit = watched.Longest * factor;
        return limit > least ? limit : least;
    }
}
