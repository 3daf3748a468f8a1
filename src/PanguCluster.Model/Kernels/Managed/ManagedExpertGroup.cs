using System.Runtime.InteropServices;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels.Managed.Matrices;
using PanguCluster.Model.Kernels.Managed.Operations;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Model.Kernels.Managed;

/// <summary>One expert group of the reference kernels.</summary>
internal sealed class ManagedExpertGroup : IExpertGroup
{
    private readonly ModelShape _shape;
    private readonly int _maxRows;
    private readonly int _rowBytes;
    private readonly ElementType _outputType;
    private readonly FeedForward[,] _experts; // [layer, expert]
    private readonly SwiGlu _swiGlu;
    private readonly ActivationRows _input;
    private readonly int[] _gathered; // [row] which of all rows
    private readonly float[] _gatheredWeights; // [row]
    private readonly float[] _expertOutput; // [maxRows, H]
    private readonly float[] _sum; // [maxRows, H]

    public ManagedExpertGroup(PackedModel model, int group, GroupOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxRows, 1);
        _shape = model.Shape;
        ArgumentOutOfRangeException.ThrowIfNegative(group);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(group, _shape.Groups);
        Group = group;
        _maxRows = options.MaxRows;
        _rowBytes = LayerDispatch.ActivationRowBytes(model.Manifest);
        _outputType = model.Manifest.GroupOutput;
        _experts = new FeedForward[_shape.Layers, _shape.ExpertsPerGroup];
        using (var file = WeightFile.Open(model, PackedModel.GroupFileName(group), model.Group.Length, options.VerifyDigest))
            for (int layer = 0; layer < _shape.Layers; layer++)
                for (int e = 0; e < _shape.ExpertsPerGroup; e++)
                {
                    var layout = model.Group.Experts[layer, e];
                    _experts[layer, e] = FeedForward.Read(file, layout.GateUp, layout.Down);
                }
        _swiGlu = new SwiGlu(_experts[0, 0], _maxRows);
        _input = _experts[0, 0].GateUp.NewInput(_maxRows);
        _gathered = new int[_maxRows];
        _gatheredWeights = new float[_maxRows];
        _expertOutput = new float[checked(_maxRows * _shape.HiddenSize)];
        _sum = new float[checked(_maxRows * _shape.HiddenSize)];
    }

    public int Group { get; }

    public void Forward(
        int layer, int rows, ReadOnlySpan<byte> activations, ReadOnlySpan<int> experts, ReadOnlySpan<float> weights, Span<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, _maxRows);
        int hidden = _shape.HiddenSize;
        Array.Clear(_sum, 0, rows * hidden);

        // Experts in ascending id, each over the rows that chose it: every row still adds its experts in ascending id.
        for (int e = 0; e < _shape.ExpertsPerGroup; e++)
        {
            int count = Gather(e, rows, activations, experts, weights);
            if (count == 0)
                continue;
            _swiGlu.Forward(_experts[layer, e], _input, count, _expertOutput);
            for (int i = 0; i < count; i++)
                Elementwise.MultiplyAdd(
                    _gatheredWeights[i], _expertOutput.AsSpan(i * hidden, hidden), _sum.AsSpan(_gathered[i] * hidden, hidden));
        }
        Write(_sum.AsSpan(0, rows * hidden), output);
    }

    public void Dispose()
    {
    }

    private int Gather(int expert, int rows, ReadOnlySpan<byte> activations, ReadOnlySpan<int> experts, ReadOnlySpan<float> weights)
    {
        int chosen = _shape.ChosenPerGroup;
        int count = 0;
        for (int i = 0; i < rows * chosen; i++)
        {
            if (experts[i] != expert)
                continue;
            int row = i / chosen;
            _input.LoadEncoded(count, activations.Slice(row * _rowBytes, _rowBytes));
            _gathered[count] = row;
            _gatheredWeights[count++] = weights[i];
        }
        return count;
    }

    private void Write(ReadOnlySpan<float> sums, Span<byte> output)
    {
        if (_outputType == ElementType.F32)
        {
            MemoryMarshal.AsBytes(sums).CopyTo(output);
            return;
        }
        var words = MemoryMarshal.Cast<byte, ushort>(output);
        for (int i = 0; i < sums.Length; i++)
            words[i] = HalfWords.ToBf16(sums[i]);
    }
}
