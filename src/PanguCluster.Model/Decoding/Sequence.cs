using PanguCluster.Model.Sampling;

namespace PanguCluster.Model.Decoding;

/// <summary>One sequence inside a decoder: its tokens, how many of them are in the KV cache, and the blocks that hold them.</summary>
internal sealed class Sequence
{
    private readonly int[] _tokens;
    private readonly int[] _blocks;
    private readonly int[] _stopTokenIds;

    public Sequence(SequenceRequest request)
    {
        Id = request.Id;
        Choice = request.Choice;
        Sampling = request.Sampling;
        PromptLength = request.Prompt.Length;
        MaxLength = request.Prompt.Length + request.MaxTokens;
        _stopTokenIds = [.. request.StopTokenIds];
        _tokens = new int[MaxLength];
        request.Prompt.CopyTo(_tokens, 0);
        request.Generated.CopyTo(_tokens, PromptLength);
        Length = PromptLength + request.Generated.Length;
        _blocks = new int[KvBlockPool.BlocksFor(MaxPositions)];
    }

    public SequenceId Id { get; }
    public int Choice { get; }
    public SamplingParameters Sampling { get; }
    public int PromptLength { get; }

    /// <summary>Prompt and the most tokens of the answer.</summary>
    public int MaxLength { get; }

    /// <summary>Most positions in the KV cache: the last token of an answer is never fed back.</summary>
    public int MaxPositions => MaxLength - 1;

    /// <summary>Tokens known so far.</summary>
    public int Length { get; private set; }

    public int GeneratedCount => Length - PromptLength;

    /// <summary>Positions in the KV cache.</summary>
    public int Cached { get; set; }

    public int BlockCount { get; private set; }

    /// <summary>Asked to end inside a step: it makes no more events and leaves when the step ends.</summary>
    public bool Cancelled { get; set; }

    /// <summary>Finished in the step that is ending.</summary>
    public bool Finished { get; set; }

    /// <summary>Prompt, then answer.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Length);

    public ReadOnlySpan<int> Blocks => _blocks.AsSpan(0, BlockCount);

    public SequenceView View => new(Length, Cached, BlockCount, MaxPositions);

    public void Append(int token) => _tokens[Length++] = token;

    public bool IsStop(int token) => Array.IndexOf(_stopTokenIds, token) >= 0;

    /// <summary>Takes blocks until <paramref name="positions"/> positions fit.</summary>
    public void Reserve(int positions, KvBlockPool pool)
    {
        int needed = KvBlockPool.BlocksFor(positions);
        while (BlockCount < needed)
            _blocks[BlockCount++] = pool.Take();
    }

    /// <summary>Gives every block back; what they held must be computed again.</summary>
    public void Release(KvBlockPool pool)
    {
        while (BlockCount > 0)
            pool.Return(_blocks[--BlockCount]);
        Cached = 0;
    }
}
