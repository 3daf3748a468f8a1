using System.Runtime.InteropServices;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Native.Interop;

/// <summary><c>pangu_tensor</c> of native/include/pangu.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct TensorDescriptor
{
    private readonly int _type;
    private readonly int _outputs;
    private readonly int _inputs;
    private readonly int _paired;
    private readonly long _offset;
    private readonly long _scalesOffset;
    private readonly long _biasOffset;

    public TensorDescriptor(PanelTensor tensor)
    {
        _type = (int)tensor.Type;
        _outputs = tensor.Outputs;
        _inputs = tensor.Inputs;
        _paired = tensor.Paired ? 1 : 0;
        _offset = tensor.Offset;
        _scalesOffset = tensor.ScalesOffset;
        _biasOffset = tensor.BiasOffset;
    }
}

/// <summary><c>pangu_shape</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ShapeDescriptor(ModelShape shape)
{
    private readonly int _vocab = shape.VocabSize;
    private readonly int _hidden = shape.HiddenSize;
    private readonly int _layers = shape.Layers;
    private readonly int _heads = shape.Heads;
    private readonly int _kvHeads = shape.KvHeads;
    private readonly int _headDim = shape.HeadDim;
    private readonly int _experts = shape.Experts;
    private readonly int _expertsPerToken = shape.ExpertsPerToken;
    private readonly int _groups = shape.Groups;
    private readonly int _expertIntermediate = shape.ExpertIntermediate;
    private readonly int _sharedIntermediate = shape.SharedIntermediate;
    private readonly float _rmsEpsilon = shape.RmsNormEpsilon;
}

/// <summary><c>pangu_trunk_layer</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct TrunkLayerDescriptor(TrunkLayerLayout layer)
{
    private readonly long _inputNorm = layer.InputNorm;
    private readonly long _postNorm = layer.PostNorm;
    private readonly long _routerScale = layer.RouterScale;
    private readonly TensorDescriptor _qkv = new(layer.Qkv);
    private readonly TensorDescriptor _output = new(layer.Output);
    private readonly TensorDescriptor _gate = new(layer.Gate);
    private readonly TensorDescriptor _sharedGateUp = new(layer.SharedGateUp);
    private readonly TensorDescriptor _sharedDown = new(layer.SharedDown);
}

/// <summary><c>pangu_trunk_desc</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TrunkDescriptor
{
    public uint StructBytes;
    public int Threads;
    public int MaxRows;
    public int KvBlocks;
    public int MaxPositions;
    public int KvType;
    public int GroupOutputType;
    public int EmbeddingType;
    public ShapeDescriptor Shape;
    public byte* Isa;
    public byte* File;
    public long FileBytes;
    public long Embedding;
    public long FinalNorm;
    public TensorDescriptor Head;
    public TrunkLayerDescriptor* Layers;
    public float* RopeCos;
    public float* RopeSin;
}

/// <summary><c>pangu_expert</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ExpertDescriptor(ExpertLayout expert)
{
    private readonly TensorDescriptor _gateUp = new(expert.GateUp);
    private readonly TensorDescriptor _down = new(expert.Down);
}

/// <summary><c>pangu_group_desc</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GroupDescriptor
{
    public uint StructBytes;
    public int Threads;
    public int MaxRows;
    public int GroupOutputType;
    public ShapeDescriptor Shape;
    public byte* Isa;
    public byte* File;
    public long FileBytes;
    public ExpertDescriptor* Experts;
}

/// <summary><c>pangu_batch</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct BatchDescriptor
{
    public int Rows;
    public int BlockEntries;
    public int LogitCount;
    public int Reserved;
    public int* Tokens;
    public int* Positions;
    public int* Tables;
    public int* Blocks;
    public int* LogitRows;
}

/// <summary><c>pangu_probe</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ProbeResult
{
    public double Amount;
    public double Seconds;
}
