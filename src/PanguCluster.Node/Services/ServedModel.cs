using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Services;

/// <summary>The model as the services see it.</summary>
/// <param name="ContextLength">Most tokens of prompt and answer together that this cluster takes.</param>
/// <param name="Codec">Null for a model without a tokenizer.</param>
public sealed record ServedModel(Manifest Manifest, int ContextLength, IPromptCodec? Codec)
{
    public int VocabSize => Manifest.Shape.VocabSize;

    public int DefaultMaxTokens => Math.Min(RequestLimits.DefaultMaxTokens, ContextLength - 1);
}
