using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Options;

/// <summary>Sizes a decoder for a model and a machine. Pure.</summary>
public static class DecoderSizing
{
    /// <summary>Positions in one KV block.</summary>
    public const int BlockPositions = 64;

    /// <summary>A cache that nobody sized takes this part of the free memory, and at most <see cref="MaxDefaultBytes"/>.</summary>
    public const int MemoryDivisor = 4;

    public const long MaxDefaultBytes = 4L << 30;

    /// <summary>Longest context that nobody asked for: enough for conversations, small enough that a few fit a default cache.</summary>
    public const int MaxDefaultContext = 32768;

    /// <summary>Bytes of one KV block over all layers.</summary>
    public static long BlockBytes(Manifest manifest) => BlockPositions * manifest.KvTokenBytes;

    /// <param name="availableBytes">Free memory of the machine, or of what this process may use.</param>
    /// <exception cref="OptionException">The wishes do not fit the model, or the cache does not hold one context.</exception>
    public static DecoderOptions Derive(Manifest manifest, ServeOptions options, long availableBytes)
    {
        var defaults = new DecoderOptions();
        int context = options.ContextLength ?? Math.Min(manifest.Shape.MaxPositions, MaxDefaultContext);
        if (context > manifest.Shape.MaxPositions)
            throw new OptionException($"--context-length {context}: the model {manifest.Name} takes at most {manifest.Shape.MaxPositions} positions");
        long blockBytes = BlockBytes(manifest);
        long most = (long)defaults.MaxSequences * Blocks(context);
        long budget = options.KvMemory ?? Math.Min(availableBytes / MemoryDivisor, MaxDefaultBytes);
        long blocks = options.KvBlocks ?? Math.Min(budget / blockBytes, most);
        if (blocks < 1)
            throw new OptionException(
                $"--kv-memory: {ByteSize.Format(budget)} holds no block of {ByteSize.Format(blockBytes)} "
                + $"({BlockPositions} positions of {manifest.Name}); give more");
        if (options.ContextLength is { } asked && blocks < Blocks(asked))
            throw new OptionException(
                $"--context-length {asked}: needs {Blocks(asked)} KV blocks ({ByteSize.Format(Blocks(asked) * blockBytes)}), "
                + $"there are {blocks}; give a larger --kv-memory");
        int fits = (int)Math.Min(context, blocks * BlockPositions);
        return defaults with
        {
            KvBlocks = checked((int)blocks), MaxPositions = fits, PrefixCache = options.PrefixCache, PrefillRows = options.PrefillChunk ?? defaults.PrefillRows,
        };
    }

    private static int Blocks(int positions) => (positions + BlockPositions - 1) / BlockPositions;
}
