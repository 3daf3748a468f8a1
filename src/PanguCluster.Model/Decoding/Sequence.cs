using PanguCluster.Model.Sampling;

namespace PanguCluster.Model.Decoding;

/// <summary>One sequence inside a decoder: its tokens, how many of them are in the KV cache, and the blocks that hold them.</summary>
internal sealed class Sequence
{
    private const int BlockPositions = KvBlockPool.BlockPositions;

    private readonly int[] _tokens;
    private readonly int[] _blocks; // those held; while it waits, the first Published are where the cache had them when it last looked
    private readonly long[] _contents; // of the first Published
    private readonly int[] _stopTokenIds;

    public Sequence(SequenceRequest request)
    {
        Id = request.Id;
        Choice = request.Choice;
        Sampling = request.Sampling;
        PromptLogprobs = request.PromptLogprobs;
        PromptLength = request.Prompt.Length;
        MaxLength = request.Prompt.Length + request.MaxTokens;
        _stopTokenIds = [.. request.StopTokenIds];
        _tokens = new int[MaxLength];
        request.Prompt.CopyTo(_tokens, 0);
        request.Generated.CopyTo(_tokens, PromptLength);
        Length = PromptLength + request.Generated.Length;
        _blocks = new int[KvBlockPool.BlocksFor(MaxPositions)];
        _contents = new long[_blocks.Length];
    }

    public SequenceId Id { get; }
    public int Choice { get; }
    public SamplingParameters Sampling { get; }
    public int PromptLogprobs { get; }
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

    /// <summary>Leading blocks whose content is published: held ones, or, while it waits, those that can be shared.</summary>
    public int Published { get; private set; }

    /// <summary>Prompt tokens whose log probabilities have been told.</summary>
    public int Scored { get; set; }

    /// <summary>Whether prompt tokens are still to be told.</summary>
    public bool Scores => PromptLogprobs >= 0 && Scored < PromptLength;

    /// <summary>Asked to end inside a step: it makes no more events and leaves when the step ends.</summary>
    public bool Cancelled { get; set; }

    /// <summary>Finished in the step that is ending.</summary>
    public bool Finished { get; set; }

    /// <summary>Prompt, then answer.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Length);

    public ReadOnlySpan<int> Blocks => _blocks.AsSpan(0, BlockCount);

    /// <summary>
    /// Blocks that may come from the cache: those before the newest token, whose logits must be computed, and before the first position whose
    /// logits tell about the prompt.
    /// </summary>
    public int Shareable => (Scores ? Math.Max(0, Scored - 1) : Length - 1) / BlockPositions;

    public void Append(int token) => _tokens[Length++] = token;

    public bool IsStop(int token) => Array.IndexOf(_stopTokenIds, token) >= 0;

    /// <summary>While it waits: looks how much of it is published now. Only what has changed since the last look is looked at.</summary>
    public void Look(KvBlockPool pool)
    {
        int known = Math.Min(Published, Shareable);
        // What is published has all before it published, so the last one that is still there answers for the others.
        while (known > 0 && pool.ContentOf(_blocks[known - 1]) != _contents[known - 1])
            known--;
        for (; known < Shareable; known++)
        {
            int block = pool.Find(ContentBefore(known), TokensOf(known));
            if (block < 0)
                break;
            _blocks[known] = block;
            _contents[known] = pool.ContentOf(block);
        }
        Published = known;
    }

    /// <summary>Whether the next block this waiting sequence lacks is one that the other, ahead of it, will publish from tokens it knows.</summary>
    public bool Follows(Sequence other) =>
        Published < Shareable && other.Published == Published && other.Length >= (Published + 1) * BlockPositions
        && other.ContentBefore(Published) == ContentBefore(Published) && other.TokensOf(Published).SequenceEqual(TokensOf(Published));

    /// <summary>Holds the published blocks it found when it last looked.</summary>
    public void Share(KvBlockPool pool)
    {
        while (BlockCount < Published)
            pool.Share(_blocks[BlockCount++]);
        Cached = Published * BlockPositions;
    }

    /// <summary>Makes known what has become full, all of it computed.</summary>
    public void Publish(KvBlockPool pool)
    {
        for (; (Published + 1) * BlockPositions <= Cached; Published++)
        {
            _blocks[Published] = pool.Publish(_blocks[Published], ContentBefore(Published), TokensOf(Published));
            _contents[Published] = pool.ContentOf(_blocks[Published]);
        }
    }

    /// <summary>Takes blocks until <paramref name="positions"/> positions fit.</summary>
    public void Reserve(int positions, KvBlockPool pool)
    {
        int needed = KvBlockPool.BlocksFor(positions);
        while (BlockCount < needed)
            _blocks[BlockCount++] = pool.Take();
    }

    /// <summary>Gives every block back, the last one first; what is evicted meanwhile must be computed again.</summary>
    public void Release(KvBlockPool pool)
    {
        while (BlockCount > 0)
            pool.Return(_blocks[--BlockCount]);
        Cached = 0;
    }

    /// <summary>Of the published blocks it found, those nobody holds: the last ones.</summary>
    public int CountUnheld(KvBlockPool pool)
    {
        int held = Published;
        while (held > 0 && pool.HoldersOf(_blocks[held - 1]) == 0)
            held--;
        return Published - held;
    }

    private long ContentBefore(int block) => block == 0 ? KvBlockPool.NoContent : _contents[block - 1];

    private ReadOnlySpan<int> TokensOf(int block) => _tokens.AsSpan(block * BlockPositions, BlockPositions);
}
