using PanguCluster.Model.Kernels;

namespace PanguCluster.Node.Bench;

/// <summary>A model's trunk and groups behind a clock and counters, and the measure of one step through them.</summary>
public sealed class StepMeter
{
    private readonly LocalModel _local;
    private readonly TimeProvider _time;
    private readonly KernelClock _clock;
    private readonly ExpertCount _experts;
    private RowCount _rows;

    public StepMeter(LocalModel local, TimeProvider time)
    {
        _local = local;
        _time = time;
        _clock = new KernelClock(time);
        _experts = new ExpertCount(local.Model.Shape);
        Trunk = new ClockedTrunk(local.Trunk, _clock, batch => _rows = RowCount.Of(batch));
        Groups = [.. local.Groups.Select(g => new ClockedGroup(g, _clock))];
    }

    public ITrunk Trunk { get; }
    public IReadOnlyList<IExpertGroup> Groups { get; }

    /// <summary>Counts the experts a layer chose, outside the step's time.</summary>
    public void Count(Model.Decoding.LayerDispatch dispatch)
    {
        _clock.Enter();
        _experts.Add(dispatch);
        _clock.Leave(Stage.Counting);
    }

    public BenchStep Measure(Action step)
    {
        _clock.Reset();
        _experts.Reset();
        long start = _time.GetTimestamp();
        step();
        double wall = _time.GetElapsedTime(start).TotalSeconds - _clock.Counting;
        var work = StepWork.Count(_local.Model, _rows.Rows, _rows.LogitRows, _rows.Cached, _rows.Attended, _experts.Distinct);
        return new BenchStep(wall, _clock.Seconds, _rows, _experts.Distinct, work);
    }
}
