using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Decoding;

/// <summary>
/// Continuous batching over one trunk: sequences in, tokens out, a step at a time. Single-threaded and free of actors: whoever owns it
/// drives <c>BeginStep, (BeginLayer, [routed experts elsewhere], ComputeShared, EndLayer) x L, EndStep</c>. The routed experts' work is
/// the caller's: fill the dispatch's outputs between BeginLayer and EndLayer. The steady state allocates nothing.
/// </summary>
public sealed class DecodeEngine : IDisposable
{
    public DecodeEngine(PackedModel model, ITrunk trunk, DecoderOptions options) => throw new NotImplementedException();

    public PackedModel Model => throw new NotImplementedException();
    public DecoderLoad Load => throw new NotImplementedException();

    /// <summary>Whether a sequence is running or waiting.</summary>
    public bool HasWork => throw new NotImplementedException();

    public SubmitOutcome Submit(SequenceRequest request) => throw new NotImplementedException();

    /// <summary>Ends a sequence without a further event and frees its blocks, at once or, inside a step, when the step ends. False if unknown.</summary>
    public bool Cancel(SequenceId id) => throw new NotImplementedException();

    /// <summary>Plans a step and embeds its rows. Returns the number of rows; 0: nothing can run.</summary>
    public int BeginStep() => throw new NotImplementedException();

    /// <summary>Attention and routing of one layer. The dispatch is the engine's one buffer; it stays valid until EndLayer.</summary>
    public LayerDispatch BeginLayer(int layer) => throw new NotImplementedException();

    /// <summary>The shared expert: independent of the routed ones, so it overlaps the wait for them.</summary>
    public void ComputeShared(int layer) => throw new NotImplementedException();

    /// <summary>Adds the groups' outputs and the shared expert's to the residual stream.</summary>
    public void EndLayer(int layer) => throw new NotImplementedException();

    /// <summary>Logits, sampling, events; retires what is finished.</summary>
    public void EndStep(ITokenSink sink) => throw new NotImplementedException();

    /// <summary>Gives a begun step up (its experts cannot be reached): everything is as before BeginStep and the step may be begun again.</summary>
    public void AbortStep() => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}
