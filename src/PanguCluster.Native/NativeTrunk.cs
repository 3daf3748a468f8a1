using System.Runtime.InteropServices;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Native.Interop;

namespace PanguCluster.Native;

/// <summary>A trunk in native memory: the mapped file and the handle that reads it.</summary>
internal sealed unsafe class NativeTrunk : ITrunk
{
    private readonly MappedFile _file;
    private readonly TrunkHandle _handle;

    public NativeTrunk(PackedModel model, TrunkOptions options, byte[] isa)
    {
        if (options.MaxPositions < 1 || options.MaxPositions > model.Shape.MaxPositions)
            throw new ArgumentException($"MaxPositions is {options.MaxPositions}; the model allows 1 to {model.Shape.MaxPositions}.", nameof(options));
        _file = MappedFile.Open(model.TrunkPath, NativeKernels.FileEntry(model, "trunk.bin"), model.Trunk.Length, options.VerifyDigest);
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

    private TrunkHandle Open(PackedModel model, TrunkOptions options, byte[] isa)
    {
        var inverseFrequencies = new ReadOnlySpan<double>(_file.Pointer + model.Trunk.RopeInverseFrequencies, model.Shape.HeadDim / 2);
        var rope = RopeTable.Create(inverseFrequencies, options.MaxPositions);
        var layers = Array.ConvertAll(model.Trunk.Layers, layer => new TrunkLayerDescriptor(layer));
        fixed (byte* name = isa)
        fixed (float* cosine = rope.Cos, sine = rope.Sin)
        fixed (TrunkLayerDescriptor* layerPointer = layers)
        {
            var descriptor = new TrunkDescriptor
            {
                StructBytes = (uint)sizeof(TrunkDescriptor),
                Threads = options.Threads,
                MaxRows = options.MaxRows,
                KvBlocks = options.KvBlocks,
                MaxPositions = options.MaxPositions,
                KvType = (int)model.Manifest.KvCache,
                GroupOutputType = (int)model.Manifest.GroupOutput,
                EmbeddingType = (int)model.Manifest.Embedding,
                Shape = new ShapeDescriptor(model.Shape),
                Isa = name,
                File = _file.Pointer,
                FileBytes = _file.Length,
                Embedding = model.Trunk.Embedding,
                FinalNorm = model.Trunk.FinalNorm,
                Head = new TensorDescriptor(model.Trunk.Head),
                Layers = layerPointer,
                RopeCos = cosine,
                RopeSin = sine,
            };
            NativeMethods.pangu_trunk_open(&descriptor, out var handle).ThrowIfFailed();
            return handle;
        }
    }

    /// <summary>The instruction set the handle computes with.</summary>
    internal string Isa => Marshal.PtrToStringUTF8((nint)NativeMethods.pangu_trunk_isa(_handle))!;

    public void Embed(StepBatch batch, Span<float> hidden)
    {
        fixed (float* h = hidden)
        fixed (int* tokens = batch.Tokens, positions = batch.Positions, tables = batch.Tables, blocks = batch.Blocks, logits = batch.LogitRows)
        {
            var b = Describe(batch, tokens, positions, tables, blocks, logits);
            NativeMethods.pangu_trunk_embed(_handle, &b, h, hidden.Length).ThrowIfFailed();
        }
    }

    public void Attend(int layer, StepBatch batch, Span<float> hidden)
    {
        fixed (float* h = hidden)
        fixed (int* tokens = batch.Tokens, positions = batch.Positions, tables = batch.Tables, blocks = batch.Blocks, logits = batch.LogitRows)
        {
            var b = Describe(batch, tokens, positions, tables, blocks, logits);
            NativeMethods.pangu_trunk_attend(_handle, layer, &b, h, hidden.Length).ThrowIfFailed();
        }
    }

    public void Route(int layer, ReadOnlySpan<float> hidden, LayerDispatch dispatch)
    {
        fixed (float* h = hidden, weights = dispatch.Weights)
        fixed (byte* activations = dispatch.Activations)
        fixed (int* experts = dispatch.Experts)
            NativeMethods.pangu_trunk_route(
                _handle, layer, dispatch.Rows, h, hidden.Length, activations, dispatch.Activations.Length, experts, dispatch.Experts.Length,
                weights, dispatch.Weights.Length).ThrowIfFailed();
    }

    public void SharedExpert(int layer, LayerDispatch dispatch, Span<float> shared)
    {
        fixed (float* s = shared)
        fixed (byte* activations = dispatch.Activations)
            NativeMethods.pangu_trunk_shared(_handle, layer, dispatch.Rows, activations, dispatch.Activations.Length, s, shared.Length).ThrowIfFailed();
    }

    public void Combine(LayerDispatch dispatch, ReadOnlySpan<float> shared, Span<float> hidden)
    {
        fixed (float* s = shared, h = hidden)
        fixed (byte* outputs = dispatch.Outputs)
            NativeMethods.pangu_trunk_combine(_handle, dispatch.Rows, outputs, dispatch.Outputs.Length, s, shared.Length, h, hidden.Length).ThrowIfFailed();
    }

    public void Logits(StepBatch batch, ReadOnlySpan<float> hidden, Span<float> logits)
    {
        fixed (float* h = hidden, l = logits)
        fixed (int* tokens = batch.Tokens, positions = batch.Positions, tables = batch.Tables, blocks = batch.Blocks, rows = batch.LogitRows)
        {
            var b = Describe(batch, tokens, positions, tables, blocks, rows);
            NativeMethods.pangu_trunk_logits(_handle, &b, h, hidden.Length, l, logits.Length).ThrowIfFailed();
        }
    }

    // Counts that exceed the arrays would let native code read past them.
    private static BatchDescriptor Describe(StepBatch batch, int* tokens, int* positions, int* tables, int* blocks, int* logitRows)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batch.Rows, batch.Tokens.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batch.BlockEntries, batch.Blocks.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batch.LogitCount, batch.LogitRows.Length);
        return new BatchDescriptor
        {
            Rows = batch.Rows,
            BlockEntries = batch.BlockEntries,
            LogitCount = batch.LogitCount,
            Tokens = tokens,
            Positions = positions,
            Tables = tables,
            Blocks = blocks,
            LogitRows = logitRows,
        };
    }

    public void Dispose()
    {
        _handle.Dispose();
        _file.Dispose();
    }
}
