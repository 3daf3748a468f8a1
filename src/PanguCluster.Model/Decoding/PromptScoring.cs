using PanguCluster.Model.Kernels;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Decoding;

/// <summary>
/// Tells the log probabilities of a prompt's tokens as its rows are computed. The logits of a chunk's rows are made a few at a time, so the
/// buffer does not grow with the chunk; a row's bits do not depend on how many are made at once.
/// </summary>
/// <param name="trunk">Makes the logits.</param>
/// <param name="batch">Of the step; its logit rows are overwritten.</param>
/// <param name="sampler">Has the definition of a log probability.</param>
/// <param name="hidden">[rows, H] after the last layer.</param>
/// <param name="logits">[n, V]: n rows of logits are made at once.</param>
/// <param name="shape">H and V.</param>
internal sealed class PromptScoring(ITrunk trunk, StepBatch batch, Sampler sampler, float[] hidden, float[] logits, ModelShape shape)
{
    /// <summary>Tells what the chunk says about prompt tokens not told yet; the sink may cancel the sequence meanwhile.</summary>
    /// <param name="sequence">Whose prompt it is.</param>
    /// <param name="rows">Its chunk.</param>
    /// <param name="firstRow">Row of the step where the chunk begins.</param>
    /// <param name="sink">Gets the tokens.</param>
    /// <returns>False: the logits that tell about the next token, or what they are made of, are not finite.</returns>
    public bool Tell(Sequence sequence, PlannedRows rows, int firstRow, ITokenSink sink)
    {
        // The row at position p tells about the token at p + 1; nothing tells about the first.
        int end = Math.Min(rows.Start + rows.Count, sequence.PromptLength - 1);
        while (sequence is { Scores: true, Cancelled: false })
        {
            int position = Math.Max(0, sequence.Scored - 1);
            int count = Math.Min(end - position, logits.Length / shape.VocabSize);
            if (count <= 0 && sequence.Scored > 0)
                return true;
            if (!MakeLogits(firstRow + position - rows.Start, count))
                return false;
            var told = Score(sequence, position, count);
            sequence.Scored += told.Length;
            sink.OnPrompt(sequence.Id, told);
        }
        return true;
    }

    private bool MakeLogits(int row, int count)
    {
        if (count <= 0)
            return true;
        for (int i = 0; i < count; i++)
            batch.LogitRows[i] = row + i;
        batch.LogitCount = count;
        trunk.Logits(batch, hidden, logits);
        return Sampler.IsFinite(hidden.AsSpan(row * shape.HiddenSize, count * shape.HiddenSize))
            && Sampler.IsFinite(logits.AsSpan(0, count * shape.VocabSize));
    }

    private ScoredToken[] Score(Sequence sequence, int position, int count)
    {
        int first = sequence.Scored == 0 ? 1 : 0;
        var told = new ScoredToken[first + Math.Max(0, count)];
        if (first == 1)
            told[0] = new ScoredToken(0, sequence.Tokens[0], float.NaN, null);
        for (int i = 0; i < count; i++)
            told[first + i] = sampler.Score(
                logits.AsSpan(i * shape.VocabSize, shape.VocabSize), position + i + 1, sequence.Tokens[position + i + 1],
                sequence.PromptLogprobs);
        return told;
    }
}
