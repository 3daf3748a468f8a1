using BenchmarkDotNet.Attributes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Shapes;
using PanguCluster.Native;

namespace PanguCluster.Benchmarks;

/// <summary>One decode step of a small model, all groups in this process: the kernels' share and the engine's own.</summary>
[MemoryDiagnoser]
public class EngineBenchmarks : ITokenSink
{
    private static readonly ModelShape _shape = new()
    {
        VocabSize = 4096,
        HiddenSize = 128,
        Layers = 4,
        Heads = 4,
        KvHeads = 2,
        Experts = 64,
        ExpertsPerToken = 8,
        Groups = 8,
        ExpertIntermediate = 64,
        SharedIntermediate = 128,
        RmsNormEpsilon = 1e-5f,
        RopeTheta = 10000,
        MaxPositions = 1 << 17,
    };

    private string _folder = "";
    private DecodeEngine? _engine;
    private IExpertGroup[] _groups = [];
    private LocalStepDriver? _driver;

    [Params("native", "managed")]
    public string Kernels { get; set; } = "native";

    [Params(1, 16)]
    public int Batch { get; set; }

    [GlobalSetup]
    public void Open()
    {
        _folder = Directory.CreateTempSubdirectory("pangu-bench-").FullName;
        var model = RandomModel.Write(Path.Combine(_folder, "model"), _shape, PackFormat.W8A8, 1);
        IKernels kernels = Kernels == "native" ? NativeKernels.Create() : new ManagedKernels();
        var options = new DecoderOptions(MaxRows: 64, MaxSequences: 16, KvBlocks: 4096, MaxPositions: 1 << 14);
        _engine = new DecodeEngine(model, kernels.OpenTrunk(model, new TrunkOptions(64, 4096, 1 << 14)), options);
        _groups = [.. Enumerable.Range(0, _shape.Groups).Select(g => kernels.OpenGroup(model, g, new GroupOptions(64)))];
        _driver = new LocalStepDriver(_engine, _groups);
        Fill();
    }

    [Benchmark]
    public long Step()
    {
        // A sequence that has reached its end is followed by a fresh one, so that the batch stays full.
        if (_engine!.Load.Running + _engine.Load.Waiting < Batch)
            Fill();
        _driver!.Step(this);
        return _engine.Load.Steps;
    }

    [GlobalCleanup]
    public void Close()
    {
        _engine?.Dispose();
        foreach (var group in _groups)
            group.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public void OnToken(SequenceId id, in SampledToken token)
    {
    }

    public void OnFinished(SequenceId id, FinishReason reason, int promptTokens, int generatedTokens, string? detail)
    {
    }

    private void Fill()
    {
        for (int i = _engine!.Load.Running + _engine.Load.Waiting; i < Batch; i++)
        {
            var id = new SequenceId(new Guid((int)_engine.Load.Steps, (short)i, 0, new byte[8]));
            _engine.Submit(new SequenceRequest(id, [1, 2, 3 + i], [], 0, (1 << 14) - 8, [], new SamplingParameters { Temperature = 0 }));
        }
    }
}
