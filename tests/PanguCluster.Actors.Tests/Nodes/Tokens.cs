using PanguCluster.Actors.Streams;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests.Nodes;

public static class Tokens
{
    public static IReadOnlyList<SampledToken> Of(IEnumerable<StreamEvent> events) => [.. events.OfType<StreamEvent.Token>().Select(t => t.Sampled)];

    /// <summary>Ids, order, and the bits of every log probability.</summary>
    public static void AssertSame(IReadOnlyList<SampledToken> expected, IEnumerable<StreamEvent> events)
    {
        var actual = Of(events);
        Assert.Equal(expected.Select(Text), actual.Select(Text));
    }

    private static string Text(SampledToken t) =>
        $"{t.Index}:{t.TokenId} {BitConverter.SingleToInt32Bits(t.Logprob):x8} "
        + string.Join(",", (t.Top ?? []).Select(p => $"{p.TokenId}:{BitConverter.SingleToInt32Bits(p.Logprob):x8}"));
}
