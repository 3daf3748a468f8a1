using PanguCluster.Actors.Streams;
using PanguCluster.Model.Sampling;
using PanguCluster.Node.Services;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Abuse;

/// <summary>All that decoder and sampler take for granted of a request that has passed the edge; a draw by the sampler itself is the last of it.</summary>
internal static class EngineRules
{
    public static void AssertRuns(GenerationRequest request)
    {
        Assert.True(SessionRules.IsId(request.SessionId));
        Assert.InRange(request.Prompt.Length, 1, TestModel.Context - 1);
        Assert.All(request.Prompt, id => Assert.InRange(id, 0, TestModel.Vocab - 1));
        Assert.InRange(request.MaxTokens, 1, TestModel.Context - request.Prompt.Length);
        Assert.InRange(request.Choices, 1, RequestLimits.Choices);
        Assert.InRange(request.StopStrings.Count, 0, RequestLimits.StopTexts);
        Assert.All(request.StopStrings, stop => Assert.InRange(stop.Length, 1, RequestLimits.StopTextLength));
        Assert.InRange(request.StopTokenIds.Count, 0, RequestLimits.StopTokenIds);
        Assert.All(request.StopTokenIds, id => Assert.InRange(id, 0, TestModel.Vocab - 1));
        var s = request.Sampling;
        Assert.InRange(s.TopK, 0, TestModel.Vocab);
        Assert.InRange(s.Logprobs, -1, RequestLimits.Logprobs);
        Assert.True(s.Temperature == 0 || (s.Temperature >= RequestLimits.MinTemperature && s.Temperature <= RequestLimits.MaxTemperature), $"{s}");
        Assert.True(s.TopP > 0 && s.TopP <= 1 && s.MinP >= 0 && s.MinP <= 1 && s.RepetitionPenalty > 0, $"{s}");
        float[] logits = new float[TestModel.Vocab];
        for (int i = 0; i < logits.Length; i++)
            logits[i] = i * 37 % 101 - 50;
        var token = new Sampler(TestModel.Vocab).Sample(logits, request.Prompt, request.Prompt.Length, request.Choices - 1, s);
        Assert.InRange(token.TokenId, 0, TestModel.Vocab - 1);
        Assert.Equal(s.Logprobs < 0, float.IsNaN(token.Logprob));
    }
}
