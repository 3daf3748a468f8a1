using PanguCluster.Actors.Streams;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>What every object of an answer says.</summary>
/// <param name="Session">Name of the session, of all of them together where there are several prompts.</param>
/// <param name="Created">Seconds of the Unix epoch at which this response began.</param>
public sealed record AnswerHead(string Session, long Created, ServedModel Model)
{
    /// <summary>Equal fingerprints give equal answers to equal requests with a seed.</summary>
    public string Fingerprint => "fp_" + Model.Manifest.Digest[..10];
}

/// <summary>Token counts over all prompts and choices.</summary>
public readonly record struct TokenUsage(int Prompt, int Completion);
