using BenchmarkDotNet.Attributes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Shapes;
using PanguCluster.Native;

namespace PanguCluster.Benchmarks;

/// <summary>Time to the first token of the last turn of a conversation, all groups in this process: with the prefix cache and without.</summary>
public class ConversationBenchmarks : ITokenSink
{
    private const int Turns = 10;
    private const int QuestionTokens = 100;
    private const int AnswerTokens = 60;
    private const int KvBlocks = 64;
    private const int MaxPositions = 2048;

    private static readonly ModelShape _shape = new()
    {
        VocabSize = 4096,
        HiddenSize = 256,
        Layers = 4,
        Heads = 8,
        KvHeads = 2,
        Experts = 64,
        ExpertsPerToken = 8,
        Groups = 8,
        ExpertIntermediate = 128,
        SharedIntermediate = 256,
        RmsNormEpsilon = 1e-5f,
        RopeTheta = 10000,
        MaxPositions = MaxPositions,
    };

    private static readonly DecoderOptions _options = new(MaxSequences: 8, KvBlocks: KvBlocks, MaxPositions: MaxPositions);

    private readonly List<int> _answer = [];
    private string _folder = "";
    private PackedModel? _model;
    private ITrunk? _trunk;
    private IExpertGroup[] _groups = [];
    private DecodeEngine? _engine;
    private LocalStepDriver? _driver;
    private int[] _text = [];

    [Params(true, false)]
    public bool PrefixCache { get; set; }

    [GlobalSetup]
    public void Open()
    {
        _folder = Directory.CreateTempSubdirectory("pangu-bench-").FullName;
        _model = RandomModel.Write(Path.Combine(_folder, "model"), _shape, PackFormat.W8A8, 1);
        var kernels = NativeKernels.Create();
        _trunk = kernels.OpenTrunk(_model, new TrunkOptions(_options.MaxRows, KvBlocks, MaxPositions, Environment.ProcessorCount));
        _groups = [.. Enumerable.Range(0, _shape.Groups)
            .Select(g => kernels.OpenGroup(_model, g, new GroupOptions(_options.MaxRows, Environment.ProcessorCount)))];
        if (!Converse(true).SequenceEqual(Converse(false)))
            throw new InvalidOperationException("the answers differ with and without the prefix cache");
    }

    /// <summary>All turns but the last one's question, in a fresh engine.</summary>
    [IterationSetup]
    public void TalkBefore()
    {
        Begin(PrefixCache);
        for (int turn = 1; turn < Turns; turn++)
            Answer(turn, AnswerTokens);
    }

    [Benchmark]
    public int FirstTokenOfLastTurn() => Answer(Turns, 1);

    [GlobalCleanup]
    public void Close()
    {
        _trunk?.Dispose();
        foreach (var group in _groups)
            group.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public void OnToken(SequenceId id, in SampledToken token) => _answer.Add(token.TokenId);

    public void OnFinished(SequenceId id, FinishReason reason, int promptTokens, int generatedTokens, string? detail)
    {
    }

    private int[] Converse(bool cache)
    {
        Begin(cache);
        for (int turn = 1; turn <= Turns; turn++)
            Answer(turn, AnswerTokens);
        return _text;
    }

    // The trunk serves one engine after the other, so the engines are not disposed.
    private void Begin(bool cache)
    {
        _engine = new DecodeEngine(_model!, _trunk!, _options with { PrefixCache = cache });
        _driver = new LocalStepDriver(_engine, _groups);
        _text = [];
    }

    /// <summary>A question after all that has been said, and its answer. Returns the answer's last token.</summary>
    private int Answer(int turn, int tokens)
    {
        int[] prompt = [.. _text, .. Enumerable.Range(0, QuestionTokens).Select(i => (int)(Philox.Draw53((ulong)turn, i, 0) % (ulong)_shape.VocabSize))];
        var id = new SequenceId(new Guid(turn, 0, 0, new byte[8]));
        _answer.Clear();
        _engine!.Submit(new SequenceRequest(id, prompt, [], 0, tokens, [], new SamplingParameters { Temperature = 0.8f, Seed = 1 }));
        _driver!.RunToEnd(this);
        _text = [.. prompt, .. _answer];
        return _answer[^1];
    }
}
