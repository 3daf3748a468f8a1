using PanguCluster.Actors.Streams;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests.Nodes;

/// <summary>Whole events, compared to the bit: ids, texts, log probabilities, alternatives, ends.</summary>
public static class Transcripts
{
    /// <summary>All events of a call, within a limit that only a hang reaches.</summary>
    public static async Task<List<StreamEvent>> Read(IStreamCall call, int seconds = 60)
    {
        var events = new List<StreamEvent>();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        try
        {
            await foreach (var e in call.Events.ReadAllAsync(limit.Token))
                events.Add(e);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"the call had not ended after {seconds} s; its last events: {string.Join(" | ", events.TakeLast(3).Select(Text))}");
        }
        return events;
    }

    /// <summary>The call's first events, so many of them.</summary>
    public static async Task<List<StreamEvent>> Read(IStreamCall call, Func<StreamEvent, bool> last)
    {
        var events = new List<StreamEvent>();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        do
            events.Add(await call.Events.ReadAsync(limit.Token));
        while (!last(events[^1]));
        return events;
    }

    /// <summary>What a caller sees who resumes at these indices: all that comes from them on.</summary>
    public static IEnumerable<StreamEvent> From(IEnumerable<StreamEvent> whole, params int[] next) => whole.Where(e => e switch
    {
        StreamEvent.Prompt => next.All(i => i == 0),
        StreamEvent.Token t => t.Sampled.Index >= next[t.Choice],
        _ => true,
    });

    /// <summary>The same events; those of several choices may be mixed otherwise, and the prompt may come in other pieces.</summary>
    public static void AssertSame(IEnumerable<StreamEvent> expected, IEnumerable<StreamEvent> actual)
    {
        StreamEvent[] wanted = [.. expected], got = [.. actual];
        for (int choice = -1; choice < 16; choice++)
            Assert.Equal(Lines(wanted, choice), Lines(got, choice));
        // The prompt comes before every token, and nothing after the last end.
        Assert.Equal(
            got.Select((e, i) => (e, i)).Where(x => x.e is StreamEvent.Prompt).Select(x => x.i).DefaultIfEmpty(0).Max(),
            got.Count(e => e is StreamEvent.Prompt));
        Assert.Equal(wanted[^1].GetType(), got[^1].GetType());
    }

    private static IEnumerable<string> Lines(IEnumerable<StreamEvent> events, int choice) => events.SelectMany(e => e switch
    {
        StreamEvent.Token t => t.Choice == choice ? [Text(t)] : [],
        StreamEvent.Finished f => f.Choice == choice ? [Text(f)] : [],
        StreamEvent.Prompt p => choice < 0 ? p.Tokens.Select(t => $"prompt {t.Index}:{t.TokenId} {Hex(t.Text)} {Bits(t.Logprob)} {Text(t.Top)}") : [],
        _ => choice < 0 ? [Text(e)] : Array.Empty<string>(),
    });

    public static string Text(StreamEvent e) => e is StreamEvent.Token t
        ? $"{t.Choice}/{t.Sampled.Index}:{t.Sampled.TokenId} {Hex(t.Text)} {Bits(t.Sampled.Logprob)} {Text(t.Sampled.Top)}"
        : e.ToString();

    private static string Text(TokenLogprob[]? top) => top is null ? "-" : string.Join(",", top.Select(p => $"{p.TokenId}:{Bits(p.Logprob)}"));

    private static string Hex(string text) => string.Concat(text.Select(c => $"{(int)c:x4}"));

    private static string Bits(float value) => $"{BitConverter.SingleToInt32Bits(value):x8}";
}
