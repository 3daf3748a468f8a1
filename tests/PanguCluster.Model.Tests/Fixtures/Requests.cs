using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Model.Tests.Fixtures;

/// <summary>Sequence requests and token lists for tests; the same number gives the same one.</summary>
internal static class Requests
{
    public static SamplingParameters Greedy { get; } = new() { Temperature = 0 };

    public static SequenceId Id(int number) => new(new Guid(number, 0, 0, new byte[8]));

    public static int[] Tokens(int count, int vocabulary, int seed) =>
        [.. Enumerable.Range(0, count).Select(i => (int)(Philox.Draw53((ulong)seed, i, 0) % (ulong)vocabulary))];

    public static SequenceRequest Of(int number, int[] prompt, int maxTokens, SamplingParameters? sampling = null, int[]? generated = null) =>
        new(Id(number), prompt, generated ?? [], Choice: 0, maxTokens, StopTokenIds: [], sampling ?? Greedy);
}
