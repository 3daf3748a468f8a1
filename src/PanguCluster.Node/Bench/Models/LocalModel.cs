using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Bench;

/// <summary>All of a model in this process, without actors: its trunk and every expert group.</summary>
public sealed class LocalModel : IDisposable
{
    private LocalModel(PackedModel model, string kernelName, int kvBlocks, ITrunk trunk, IReadOnlyList<IExpertGroup> groups)
    {
        Model = model;
        KernelName = kernelName;
        KvBlocks = kvBlocks;
        Trunk = trunk;
        Groups = groups;
    }

    public PackedModel Model { get; }

    /// <summary>Of the kernels: "avx512", "managed", ...</summary>
    public string KernelName { get; }

    /// <summary>Blocks of 64 positions in the KV cache.</summary>
    public int KvBlocks { get; }

    public ITrunk Trunk { get; }
    public IReadOnlyList<IExpertGroup> Groups { get; }

    /// <summary>For one sequence at a time.</summary>
    /// <param name="positions">Positions of the longest sequence.</param>
    /// <param name="verify">Recompute the files' digests.</param>
    /// <exception cref="ModelFormatException">A file is missing or damaged.</exception>
    public static LocalModel Open(PackedModel model, IKernels kernels, int maxRows, int positions, int threads, bool verify) =>
        Open(model, kernels, maxRows, positions, KvBlockPool.BlocksFor(positions), threads, verify);

    /// <param name="positions">Positions of the longest sequence.</param>
    /// <param name="blocks">Blocks of 64 positions in the KV cache.</param>
    /// <param name="verify">Recompute the files' digests.</param>
    /// <exception cref="ModelFormatException">A file is missing or damaged.</exception>
    public static LocalModel Open(PackedModel model, IKernels kernels, int maxRows, int positions, int blocks, int threads, bool verify)
    {
        var trunk = kernels.OpenTrunk(model, new TrunkOptions(maxRows, blocks, Math.Min(positions, model.Shape.MaxPositions), threads, verify));
        var groups = new List<IExpertGroup>();
        try
        {
            for (int g = 0; g < model.Shape.Groups; g++)
                groups.Add(kernels.OpenGroup(model, g, new GroupOptions(maxRows, threads, verify)));
        }
        catch
        {
            trunk.Dispose();
            groups.ForEach(g => g.Dispose());
            throw;
        }
        return new LocalModel(model, kernels.Name, blocks, trunk, groups);
    }

    public void Dispose()
    {
        Trunk.Dispose();
        foreach (var group in Groups)
            group.Dispose();
    }
}
