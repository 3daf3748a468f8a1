namespace PanguCluster.Model.Decoding;

/// <summary>
/// The token rows of one step, flattened for the kernels. Allocated once for the largest step and refilled. Rows of one sequence are
/// contiguous and in ascending position.
/// </summary>
public sealed class StepBatch(int maxRows, int maxBlockEntries)
{
    public int MaxRows { get; } = maxRows;

    public int Rows { get; set; }

    /// <summary>[row] token id.</summary>
    public int[] Tokens { get; } = GC.AllocateArray<int>(maxRows, pinned: true);

    /// <summary>[row] absolute position, 0-based.</summary>
    public int[] Positions { get; } = GC.AllocateArray<int>(maxRows, pinned: true);

    /// <summary>[row] where the row's sequence's block table starts in <see cref="Blocks"/>; equal for rows of one sequence.</summary>
    public int[] Tables { get; } = GC.AllocateArray<int>(maxRows, pinned: true);

    /// <summary>Block tables one after another; entry p/64 of a table is the KV block that holds position p.</summary>
    public int[] Blocks { get; } = GC.AllocateArray<int>(maxBlockEntries, pinned: true);

    public int BlockEntries { get; set; }

    public int LogitCount { get; set; }

    /// <summary>[i] row whose logits are wanted, ascending.</summary>
    public int[] LogitRows { get; } = GC.AllocateArray<int>(maxRows, pinned: true);
}
