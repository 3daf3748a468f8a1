using System.Runtime.InteropServices;
using System.Text;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Native.Interop;

namespace PanguCluster.Native;

/// <summary>
/// The C++ kernels (native/). One instance computes with one instruction set; results are the same bits with every instruction set and
/// number of threads (NUMERICS.md).
/// </summary>
public sealed unsafe class NativeKernels : IKernels
{
    private readonly byte[] _isa;

    private NativeKernels(string name)
    {
        Name = name;
        _isa = Encoding.ASCII.GetBytes(name + '\0');
    }

    public string Name { get; }

    /// <summary>Instruction sets there are, best first; a machine may lack some: see <see cref="IsSupported"/>.</summary>
    public static IReadOnlyList<string> InstructionSets { get; } = ["avx512", "avx2", "portable"];

    /// <param name="isa">"avx512", "avx2", "portable"; null: the environment variable PANGU_FORCE_ISA, else the best of this machine.</param>
    /// <exception cref="PlatformNotSupportedException">The instruction set is unknown, or this machine lacks it.</exception>
    /// <exception cref="DllNotFoundException">libpangu.so is not beside the assembly.</exception>
    public static NativeKernels Create(string? isa = null)
    {
        int version = NativeMethods.pangu_abi_version();
        if (version != NativeMethods.AbiVersion)
            throw new PlatformNotSupportedException(
                $"libpangu.so has interface version {version}, this build needs {NativeMethods.AbiVersion}: rebuild the solution.");
        if (isa is null)
        {
            byte* active = NativeMethods.pangu_active_isa();
            if (active == null)
                NativeStatus.UnsupportedIsa.ThrowIfFailed();
            return new NativeKernels(Marshal.PtrToStringUTF8((nint)active)!);
        }
        fixed (byte* name = Encoding.UTF8.GetBytes(isa + '\0'))
            NativeMethods.pangu_isa_supported(name).ThrowIfFailed();
        return new NativeKernels(isa);
    }

    /// <summary>Whether this machine can run the named instruction set.</summary>
    public static bool IsSupported(string isa)
    {
        ArgumentNullException.ThrowIfNull(isa);
        fixed (byte* name = Encoding.UTF8.GetBytes(isa + '\0'))
            return NativeMethods.pangu_isa_supported(name) == NativeStatus.Ok;
    }

    public ITrunk OpenTrunk(PackedModel model, TrunkOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        return new NativeTrunk(model, options, _isa);
    }

    public IExpertGroup OpenGroup(PackedModel model, int group, GroupOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(group);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(group, model.Shape.Groups);
        return new NativeGroup(model, group, options, _isa);
    }

    /// <summary>What the manifest says of one of the model's files.</summary>
    internal static PackedFile FileEntry(PackedModel model, string name) =>
        model.Manifest.Files.FirstOrDefault(f => f.Name == name)
        ?? throw new ModelFormatException($"{model.Folder}: manifest.json lists no file {name}.");
}
