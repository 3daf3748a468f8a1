using Pangu.V1;

namespace PanguCluster.Client.Streaming;

/// <summary>What is kept of an event that was handed on, to tell whether a repeat is the same: its id, and a hash of everything in it.</summary>
internal readonly record struct Fingerprint(int Id, int Hash)
{
    public static Fingerprint Of(Token token) =>
        new(token.TokenId, Mix(token.TokenId, token.Text, token.HasLogprob ? token.Logprob : null, token.TopLogprobs));

    public static Fingerprint Of(PromptToken token) =>
        new(token.TokenId, Mix(token.TokenId, token.Text, token.HasLogprob ? token.Logprob : null, token.TopLogprobs));

    public static Fingerprint Of(Finished finished) => new(
        (int)finished.Reason, HashCode.Combine(finished.Reason, finished.Text, finished.Usage?.PromptTokens, finished.Usage?.GeneratedTokens));

    private static int Mix(int id, string text, float? logprob, IReadOnlyList<TopLogprob> top)
    {
        var hash = new HashCode();
        hash.Add(id);
        hash.Add(text, StringComparer.Ordinal);
        hash.Add(logprob is { } value ? BitConverter.SingleToInt32Bits(value) : (int?)null);
        for (int i = 0; i < top.Count; i++)
        {
            hash.Add(top[i].TokenId);
            hash.Add(BitConverter.SingleToInt32Bits(top[i].Logprob));
        }
        return hash.ToHashCode();
    }
}
