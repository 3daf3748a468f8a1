using System.Runtime.InteropServices;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Native.Interop;

namespace PanguCluster.Native;

/// <summary>One expert group in native memory: the mapped file and the handle that reads it.</summary>
internal sealed unsafe class NativeGroup : IExpertGroup
{
    private readonly MappedFile _file;
    private readonly GroupHandle _handle;

    public NativeGroup(PackedModel model, int group, GroupOptions options, byte[] isa)
    {
        Group = group;
        var entry = NativeKernels.FileEntry(model, PackedModel.GroupFileName(group));
        _file = MappedFile.Open(model.GroupPath(group), entry, model.Group.Length, options.VerifyDigest);
        try
        {
            _handle = Open(model, options, isa);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public int Group { get; }

    private GroupHandle Open(PackedModel model, GroupOptions options, byte[] isa)
    {
        var experts = new ExpertDescriptor[model.Group.Experts.Length];
        int i = 0;
        foreach (var expert in model.Group.Experts)
            experts[i++] = new ExpertDescriptor(expert);
        fixed (byte* name = isa)
        fixed (ExpertDescriptor* expertPointer = experts)
        {
            var descriptor = new GroupDescriptor
            {
                StructBytes = (uint)sizeof(GroupDescriptor),
                Threads = options.Threads,
                MaxRows = options.MaxRows,
                GroupOutputType = (int)model.Manifest.GroupOutput,
                Shape = new ShapeDescriptor(model.Shape),
                Isa = name,
                File = _file.Pointer,
                FileBytes = _file.Length,
                Experts = expertPointer,
            };
            NativeMethods.pangu_group_open(&descriptor, out var handle).ThrowIfFailed();
            return handle;
        }
    }

    /// <summary>The instruction set the handle computes with.</summary>
    internal string Isa => Marshal.PtrToStringUTF8((nint)NativeMethods.pangu_group_isa(_handle))!;

    public void Forward(int layer, int rows, ReadOnlySpan<byte> activations, ReadOnlySpan<int> experts, ReadOnlySpan<float> weights, Span<byte> output)
    {
        fixed (byte* a = activations, o = output)
        fixed (int* e = experts)
        fixed (float* w = weights)
            NativeMethods.pangu_group_forward(
                _handle, layer, rows, a, activations.Length, e, experts.Length, w, weights.Length, o, output.Length).ThrowIfFailed();
    }

    public void Dispose()
    {
        _handle.Dispose();
        _file.Dispose();
    }
}
