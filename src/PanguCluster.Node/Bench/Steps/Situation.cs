using PanguCluster.Model.Decoding;

namespace PanguCluster.Node.Bench;

/// <summary>What is measured: a prompt's prefill, a batch's decode step, or one sequence's decode step over a long cache.</summary>
/// <param name="Phase">"prefill", "decode" or "context".</param>
/// <param name="Size">Tokens of the prompt, sequences of the batch, or positions of the cache.</param>
public sealed record Situation(string Phase, int Size)
{
    public const string Prefill = "prefill";
    public const string Decode = "decode";
    public const string Context = "context";

    public override string ToString() => $"{Phase} {Size}";
}

/// <summary>The situations of a run and how each is measured.</summary>
/// <param name="Prompts">Lengths of the prompts to prefill.</param>
/// <param name="Batches">Sizes of the batches to decode.</param>
/// <param name="Context">Positions of the long cache; 0: not measured.</param>
/// <param name="Chunk">Most rows of a step: a longer prompt takes several.</param>
/// <param name="DecodeSteps">Steps of every decode in every round.</param>
public sealed record BenchPlan(IReadOnlyList<int> Prompts, IReadOnlyList<int> Batches, int Context, int Chunk, int DecodeSteps)
{
    /// <summary>Prompt of a decoding sequence, tokens: short, as only the steps after it count.</summary>
    public const int DecodePrompt = 4;

    /// <summary>Steps after the prompts that do not count.</summary>
    public const int WarmSteps = 1;

    /// <summary>Cheap ones first: if time runs out, the most is known.</summary>
    public IReadOnlyList<Situation> Situations =>
    [
        .. Batches.Select(b => new Situation(Situation.Decode, b)),
        .. Context > 0 ? [new Situation(Situation.Context, Context)] : Array.Empty<Situation>(),
        .. Prompts.Select(p => new Situation(Situation.Prefill, p)),
    ];

    public int MaxBatch => Batches.DefaultIfEmpty(1).Max();

    /// <summary>Longest sequence, its end included.</summary>
    public int MaxPositions => Math.Max(Math.Max(Prompts.DefaultIfEmpty(1).Max() + 1, DecodeLength), Context + 1);

    /// <summary>Blocks of the cache that the engine plans with.</summary>
    public int EngineBlocks => Math.Max(
        MaxBatch * KvBlockPool.BlocksFor(DecodeLength), KvBlockPool.BlocksFor(Prompts.DefaultIfEmpty(1).Max() + 1)) + 1;

    /// <summary>Blocks behind the engine's that hold the long context.</summary>
    public int ContextBlocks => KvBlockPool.BlocksFor(Context);

    /// <summary>
    /// Length of a decoding sequence at its end: more than it will reach, or it would leave the batch. Where the prompts of a batch take
    /// several steps, the first sequences are some tokens ahead of the last.
    /// </summary>
    internal int DecodeLength => DecodePrompt + WarmSteps + DecodeSteps + 32;
}
