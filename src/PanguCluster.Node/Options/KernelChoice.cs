namespace PanguCluster.Node.Options;

/// <summary>Which implementation of the kernels a node computes with; both give the same bits.</summary>
public enum KernelChoice
{
    /// <summary>C++, in the best instruction set of this CPU (or the one that PANGU_FORCE_ISA names).</summary>
    Native,

    /// <summary>Plain C#: the reference, much slower.</summary>
    Managed,
}
