using BenchmarkDotNet.Attributes;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Benchmarks;

/// <summary>One token from the logits of the full Pangu vocabulary.</summary>
[MemoryDiagnoser]
public class SamplerBenchmarks
{
    private const int VocabSize = 153376;

    private readonly Sampler _sampler = new(VocabSize);
    private readonly float[] _logits = new float[VocabSize];
    private readonly int[] _tokens = new int[512];
    private readonly SamplingParameters _greedy = new() { Temperature = 0 };
    private readonly SamplingParameters _free = new() { Seed = 1 };
    private readonly SamplingParameters _card = new() { Temperature = 0.6f, TopK = 50, TopP = 0.95f, Seed = 1 };
    private readonly SamplingParameters _penalties = new() { RepetitionPenalty = 1.1f, FrequencyPenalty = 0.5f, Seed = 1 };

    [GlobalSetup]
    public void Fill()
    {
        // Close to normal: the sum of four uniform words of the generator that the sampler itself draws with.
        for (int i = 0; i < VocabSize; i++)
        {
            double sum = 0;
            for (int j = 0; j < 4; j++)
                sum += Philox.Draw53(7, i, j) / (double)(1L << 53);
            _logits[i] = (float)((sum - 2) * 6);
        }
        for (int i = 0; i < _tokens.Length; i++)
            _tokens[i] = i * 17;
    }

    [Benchmark(Baseline = true)]
    public int Greedy() => Sample(_greedy);

    [Benchmark]
    public int Untruncated() => Sample(_free);

    [Benchmark]
    public int TopK50TopP95() => Sample(_card);

    [Benchmark]
    public int WithPenalties() => Sample(_penalties);

    private int Sample(SamplingParameters parameters) => _sampler.Sample(_logits, _tokens, 256, 0, parameters).TokenId;
}
