using System.Text.Json;
using System.Text.RegularExpressions;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tests.Fixtures;
using PanguCluster.Model.Tokenization;

namespace PanguCluster.Native.Tests.Quality;

/// <summary>What models/pangu-nano is worth in one format: its held-out prose and its held-out arithmetic.</summary>
internal static partial class NanoExam
{
    private const int Window = 512;
    private const int MaxAnswer = 128;

    [GeneratedRegex(@"The answer is (-?[0-9]+(?:\.[0-9]+)?)")]
    private static partial Regex Answer();

    /// <summary>Mean negative log-likelihood in nats per token over every <paramref name="every"/>-th window of 512 of eval/prose.txt.</summary>
    public static double ProseNats(IKernels kernels, PackedModel model, int every)
    {
        using var local = new LocalModel(kernels, model, new DecoderOptions(MaxRows: 128, KvBlocks: 16, MaxPositions: Window));
        int[] ids = PanguTokenizer.Open(model.Folder).Encode(File.ReadAllText(RepositoryFolder.Path("models", "pangu-nano", "eval", "prose.txt")));
        var scorer = local.NewScorer(Window);
        double[] nll = new double[Window - 1];
        double sum = 0;
        int count = 0;
        for (int start = 0; start + Window <= ids.Length; start += Window * every)
        {
            scorer.Score(ids.AsSpan(start, Window), nll);
            sum += nll.Sum();
            count += nll.Length;
        }
        return sum / count;
    }

    /// <summary>How many of the 500 held-out questions get the exact answer, greedily, asked in chat form without a system turn.</summary>
    public static (int Right, int Questions) Arithmetic(IKernels kernels, PackedModel model)
    {
        var options = new DecoderOptions(MaxRows: 128, MaxSequences: 64, MaxWaiting: 1000, KvBlocks: 256, MaxPositions: 512);
        using var local = new LocalModel(kernels, model, options);
        var tokenizer = PanguTokenizer.Open(model.Folder);
        var (engine, driver) = local.NewEngine();
        var expected = new Dictionary<SequenceId, string>();
        foreach (string line in File.ReadLines(RepositoryFolder.Path("models", "pangu-nano", "eval", "arithmetic.jsonl")))
        {
            using var question = JsonDocument.Parse(line);
            var id = new SequenceId(new Guid(expected.Count, 0, 0, new byte[8]));
            int[] prompt = tokenizer.EncodeChat([new ChatMessage("user", question.RootElement.GetProperty("question").GetString()!)], defaultSystemTurn: false);
            if (engine.Submit(new SequenceRequest(id, prompt, [], 0, MaxAnswer, [.. model.Manifest.EosTokenIds], new SamplingParameters { Temperature = 0 })) != SubmitOutcome.Accepted)
                throw new InvalidOperationException("the engine did not take a question");
            expected.Add(id, question.RootElement.GetProperty("answer").GetString()!);
        }
        var sink = new RecordingSink();
        driver.RunToEnd(sink);
        int right = expected.Count(e => Answer().Match(tokenizer.Decode(sink.Ids(e.Key))).Groups[1].Value == e.Value);
        return (right, expected.Count);
    }
}
