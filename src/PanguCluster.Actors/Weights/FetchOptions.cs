namespace PanguCluster.Actors.Weights;

/// <summary>How files are fetched from peers and served to them.</summary>
public sealed record FetchOptions
{
    /// <summary>Payload of one frame, at most.</summary>
    public const int ChunkBytes = 1 << 20;

    /// <summary>Slower than this and a chunk would outlast its deadline.</summary>
    public const long MinBytesPerSecond = ChunkBytes;

    /// <summary>Where fetched files are kept; null: nothing is fetched.</summary>
    public string? Folder { get; init; }

    /// <summary>Of all this node's fetches together; null: as fast as they come.</summary>
    public long? BytesPerSecond { get; init; }

    /// <summary>Most files sent to peers at once; others are told to come again.</summary>
    public int MaxServed { get; init; } = 2;

    /// <summary>How long one chunk may take from its first byte to its last, at either end.</summary>
    public TimeSpan ChunkDeadline { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Rounds over all peers without a byte gained before a fetch fails.</summary>
    public int MaxRounds { get; init; } = 6;

    /// <summary>Wait after the first such round; doubles up to <see cref="MaxWait"/>.</summary>
    public TimeSpan MinWait { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan MaxWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whole files whose digest is wrong before a fetch fails.</summary>
    public int MaxDamaged { get; init; } = 4;

    /// <summary>How often at most a device tells how far its file has come.</summary>
    public static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(200);
}
