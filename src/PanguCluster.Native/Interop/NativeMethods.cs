using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PanguCluster.Native.Interop;

/// <summary>native/include/pangu.h, one line per function. Contracts stand there.</summary>
internal static unsafe partial class NativeMethods
{
    public const int AbiVersion = 1;
    private const string Library = "pangu";

    [LibraryImport(Library)]
    public static partial int pangu_abi_version();

    [LibraryImport(Library)]
    public static partial byte* pangu_last_error();

    [LibraryImport(Library)]
    public static partial byte* pangu_active_isa();

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_isa_supported(byte* isa);

    [LibraryImport(Library)]
    public static partial int pangu_noop(int value);

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_trunk_open(TrunkDescriptor* descriptor, out TrunkHandle trunk);

    [LibraryImport(Library)]
    public static partial void pangu_trunk_close(nint trunk);

    [LibraryImport(Library)]
    public static partial byte* pangu_trunk_isa(TrunkHandle trunk);

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_trunk_embed(TrunkHandle trunk, BatchDescriptor* batch, float* hidden, long hiddenLength);

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_trunk_attend(TrunkHandle trunk, int layer, BatchDescriptor* batch, float* hidden, long hiddenLength);

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_trunk_route(
        TrunkHandle trunk, int layer, int rows, float* hidden, long hiddenLength, byte* activations, long activationBytes,
        int* experts, long expertsLength, float* weights, long weightsLength);

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_trunk_shared(
        TrunkHandle trunk, int layer, int rows, byte* activations, long activationBytes, float* shared, long sharedLength);

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_trunk_combine(
        TrunkHandle trunk, int rows, byte* outputs, long outputBytes, float* shared, long sharedLength, float* hidden, long hiddenLength);

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_trunk_logits(
        TrunkHandle trunk, BatchDescriptor* batch, float* hidden, long hiddenLength, float* logits, long logitsLength);

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_group_open(GroupDescriptor* descriptor, out GroupHandle group);

    [LibraryImport(Library)]
    public static partial void pangu_group_close(nint group);

    [LibraryImport(Library)]
    public static partial byte* pangu_group_isa(GroupHandle group);

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_group_forward(
        GroupHandle group, int layer, int rows, byte* activations, long activationBytes, int* experts, long expertsLength,
        float* weights, long weightsLength, byte* output, long outputBytes);

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_probe_read(byte* isa, byte* buffer, long bytes, int threads, ProbeResult* result);

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_probe_int8(byte* isa, long iterations, int threads, ProbeResult* result);

    [LibraryImport(Library)]
    public static partial NativeStatus pangu_probe_fp32(byte* isa, long iterations, int threads, ProbeResult* result);
}

/// <summary>An open native trunk; closing it stops its worker threads.</summary>
internal sealed class TrunkHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMethods.pangu_trunk_close(handle);
        return true;
    }
}

/// <summary>An open native expert group; closing it stops its worker threads.</summary>
internal sealed class GroupHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMethods.pangu_group_close(handle);
        return true;
    }
}
