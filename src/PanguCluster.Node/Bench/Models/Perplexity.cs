using PanguCluster.Model.Decoding;
using PanguCluster.Model.Tokenization;
using PanguCluster.Node.Console;

namespace PanguCluster.Node.Bench;

/// <param name="Window">Positions per window, <c>&lt;s&gt;</c> included.</param>
/// <param name="Tokens">Tokens scored: all of the text.</param>
/// <param name="NatsPerToken">Mean negative log-likelihood.</param>
/// <param name="BitsPerCharacter">The same in bits over the text's characters: comparable between tokenizers.</param>
public sealed record PerplexityResult(int Window, long Tokens, double NatsPerToken, double BitsPerCharacter)
{
    public double Perplexity => Math.Exp(NatsPerToken);
}

/// <summary>
/// Perplexity of a text. The text is cut into windows; each is fed as <c>&lt;s&gt;</c> and its tokens, and every token of the text is scored
/// exactly once, given what stands before it in its window (as the sample model's card measured it).
/// </summary>
public static class Perplexity
{
    public const int MaxWindow = 8192;

    /// <param name="progress">Told tokens scored and tokens in all.</param>
    /// <exception cref="CommandFailedException">The text is empty, or the tokenizer has no <c>&lt;s&gt;</c>.</exception>
    public static PerplexityResult Measure(
        LocalModel local, PanguTokenizer tokenizer, string text, int window, Action<long, long> progress, CancellationToken stop)
    {
        if (tokenizer.BosId is not { } bos)
            throw new CommandFailedException(ExitCodes.Failed, "the tokenizer has no <s>, which every window begins with");
        int[] ids = tokenizer.Encode(text, addBos: false);
        if (ids.Length == 0)
            throw new CommandFailedException(ExitCodes.Usage, "FILE: the text is empty");
        int step = window - 1;
        var scorer = new PromptScorer(local.Model, local.Trunk, local.Groups, Math.Min(window, MaxWindow), window);
        var nll = new double[step];
        double sum = 0;
        for (int from = 0; from < ids.Length; from += step)
        {
            stop.ThrowIfCancellationRequested();
            int count = Math.Min(step, ids.Length - from);
            scorer.Score([bos, .. ids.AsSpan(from, count)], nll);
            for (int i = 0; i < count; i++)
                sum += nll[i];
            progress(from + count, ids.Length);
        }
        double nats = sum / ids.Length;
        int characters = text.EnumerateRunes().Count();
        return new PerplexityResult(window, ids.Length, nats, sum / Math.Log(2) / characters);
    }
}
