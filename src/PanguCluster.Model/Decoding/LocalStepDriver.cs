using PanguCluster.Model.Kernels;

namespace PanguCluster.Model.Decoding;

/// <summary>
/// Drives an engine with all expert groups in this process, synchronously: tests, <c>perplexity</c> and <c>bench</c> use it. The same
/// calls in the same order as the router actor's, so the same bits.
/// </summary>
public sealed class LocalStepDriver
{
    private readonly DecodeEngine _engine;
    private readonly IReadOnlyList<IExpertGroup> _groups;

    /// <param name="engine">Not owned.</param>
    /// <param name="groups">One handle per group, in group order; not owned.</param>
    public LocalStepDriver(DecodeEngine engine, IReadOnlyList<IExpertGroup> groups)
    {
        RequireAllGroups(engine.Model.Shape.Groups, groups);
        _engine = engine;
        _groups = groups;
    }

    /// <summary>Called with every layer's dispatch after the groups have filled it and before it is combined, if set.</summary>
    public Action<LayerDispatch>? OnDispatch { get; set; }

    /// <summary>Runs one step. False: there was nothing to run.</summary>
    public bool Step(ITokenSink sink)
    {
        if (_engine.BeginStep() == 0)
            return false;
        for (int layer = 0; layer < _engine.Model.Shape.Layers; layer++)
        {
            var dispatch = _engine.BeginLayer(layer);
            ForwardAll(_groups, dispatch);
            OnDispatch?.Invoke(dispatch);
            _engine.ComputeShared(layer);
            _engine.EndLayer(layer);
        }
        _engine.EndStep(sink);
        return true;
    }

    /// <summary>Steps until nothing is left to run.</summary>
    public void RunToEnd(ITokenSink sink)
    {
        while (Step(sink))
        {
        }
    }

    internal static void ForwardAll(IReadOnlyList<IExpertGroup> groups, LayerDispatch dispatch)
    {
        for (int g = 0; g < groups.Count; g++)
            groups[g].Forward(
                dispatch.Layer, dispatch.Rows, dispatch.ActivationRows, dispatch.ExpertsOf(g), dispatch.WeightsOf(g), dispatch.OutputOf(g));
    }

    internal static void RequireAllGroups(int expected, IReadOnlyList<IExpertGroup> groups)
    {
        if (groups.Count != expected)
            throw new ArgumentException($"{groups.Count} expert groups for a model of {expected}", nameof(groups));
        for (int g = 0; g < expected; g++)
            if (groups[g].Group != g)
                throw new ArgumentException($"expert group {groups[g].Group} stands at place {g}", nameof(groups));
    }
}
