using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Tests.Nodes;

public enum Fault
{
    None,
    Group,
    Trunk,
    Shared,

    /// <summary>Other tokens than everybody else's.</summary>
    Logits,
}

/// <summary>The managed kernels with a switch that makes one of them throw, a gate that holds the groups up, and a count of open handles.</summary>
public sealed class FaultyKernels : IKernels
{
    private readonly ManagedKernels _inner = new();
    private int _open;

    public Fault Fault { get; set; }

    /// <summary>Groups compute only while this is set.</summary>
    public ManualResetEventSlim Gate { get; } = new(true);

    /// <summary>Trunks compute only while this is set.</summary>
    public ManualResetEventSlim TrunkGate { get; } = new(true);

    /// <summary>Every step takes so much longer: answers last long enough for something to happen to them.</summary>
    public TimeSpan Pace { get; set; }

    public TimeSpan TrunkPace { get; set; }

    public int Open => Volatile.Read(ref _open);
    public string Name => "faulty";

    public ITrunk OpenTrunk(PackedModel model, TrunkOptions options)
    {
        var trunk = new Trunk(this, _inner.OpenTrunk(model, options));
        Interlocked.Increment(ref _open);
        return trunk;
    }

    public IExpertGroup OpenGroup(PackedModel model, int group, GroupOptions options)
    {
        var opened = new Expert(this, _inner.OpenGroup(model, group, options));
        Interlocked.Increment(ref _open);
        return opened;
    }

    private void ThrowIf(Fault fault)
    {
        if (Fault == fault)
            throw new InvalidOperationException($"injected fault in {fault}");
    }

    private sealed class Expert(FaultyKernels owner, IExpertGroup inner) : IExpertGroup
    {
        public int Group => inner.Group;

        public void Forward(int layer, int rows, ReadOnlySpan<byte> activations, ReadOnlySpan<int> experts, ReadOnlySpan<float> weights, Span<byte> output)
        {
            owner.Gate.Wait();
            if (Group == 0 && layer == 0 && owner.Pace > TimeSpan.Zero)
                Thread.Sleep(owner.Pace);
            if (Group == 5)
                owner.ThrowIf(Fault.Group);
            inner.Forward(layer, rows, activations, experts, weights, output);
        }

        public void Dispose()
        {
            Interlocked.Decrement(ref owner._open);
            inner.Dispose();
        }
    }

    private sealed class Trunk(FaultyKernels owner, ITrunk inner) : ITrunk
    {
        public void Embed(StepBatch batch, Span<float> hidden)
        {
            owner.TrunkGate.Wait();
            if (owner.TrunkPace > TimeSpan.Zero)
                Thread.Sleep(owner.TrunkPace);
            inner.Embed(batch, hidden);
        }

        public void Attend(int layer, StepBatch batch, Span<float> hidden)
        {
            if (layer == 1)
                owner.ThrowIf(Fault.Trunk);
            inner.Attend(layer, batch, hidden);
        }

        public void Route(int layer, ReadOnlySpan<float> hidden, LayerDispatch dispatch) => inner.Route(layer, hidden, dispatch);

        public void SharedExpert(int layer, LayerDispatch dispatch, Span<float> shared)
        {
            owner.ThrowIf(Fault.Shared);
            inner.SharedExpert(layer, dispatch, shared);
        }

        public void Combine(LayerDispatch dispatch, ReadOnlySpan<float> shared, Span<float> hidden) => inner.Combine(dispatch, shared, hidden);

        public void Logits(StepBatch batch, ReadOnlySpan<float> hidden, Span<float> logits)
        {
            inner.Logits(batch, hidden, logits);
            if (owner.Fault != Fault.Logits)
                return;
            for (int i = 0; i < logits.Length; i++)
                logits[i] = -logits[i];
        }

        public void Dispose()
        {
            Interlocked.Decrement(ref owner._open);
            inner.Dispose();
        }
    }
}
