using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using Xunit;
using static PanguCluster.Actors.Sessions.SessionProtocol;

namespace PanguCluster.Actors.Tests.Sessions;

public sealed class VerifyTests
{
    private static readonly SamplingParameters Sampling = new() { Temperature = 1f, Seed = 42 };

    [Fact]
    public async Task Verify_should_tell_an_honest_record_from_a_changed_one()
    {
        await using var node = await TestNode.Start(TestNode.Setup("verify", TestModel.Bf16));
        await node.Ready();
        int[] answer = [.. (await node.Generate([5, 6, 7], 40, Sampling)).OfType<StreamEvent.Token>().Select(t => t.Sampled.TokenId)];
        int[] changed = [.. answer];
        changed[17] = (changed[17] + 1) % TestModel.Shape.VocabSize;

        await Record(node, "honest", answer);
        await Record(node, "changed", changed);
        await Record(node, "foreign", answer, digest: "0000");

        var honest = await Verify(node, "honest");
        Assert.Equal(new VerifyReport("honest", answer.Length, answer.Length, true, null), honest[^1]);
        Assert.All(honest.SkipLast(1), r => Assert.Null(r.Identical));
        var difference = new TokenDifference(0, 17, changed[17], answer[17]);
        Assert.Equal(new VerifyReport("changed", 17, answer.Length, false, difference), (await Verify(node, "changed"))[^1]);
        Assert.Contains("model", (await Assert.ThrowsAsync<SessionNameException>(() => Verify(node, "foreign"))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<SessionNameException>(() => Verify(node, "nothing"));
    }

    private static async Task Record(TestNode node, string id, int[] answer, string? digest = null)
    {
        var stream = new TestStream(node.System, node.Node.SessionRegion);
        var request = SessionHarness.Request() with
        {
            Prompt = [5, 6, 7], MaxTokens = 40, Sampling = Sampling, ModelDigest = digest ?? TestModel.Bf16.Manifest.Digest,
        };
        await stream.HearsAfter<Opened>(new Open(id, request, stream.Ref, "n"));
        RecordedToken[] tokens = [.. answer.Select(t => new RecordedToken(t, float.NaN, null))];
        await stream.HearsAfter<Ended>(new End(id, 1, "n", 0, 0, tokens, new RecordedEnd(FinishReason.Length)));
        await Eventually.Holds(
            () => node.Node.Sessions.ListAsync(id, 1, CancellationToken.None).GetAwaiter().GetResult().Sessions is [{ State: SessionState.Finished }],
            "it is listed");
    }

    private static async Task<List<VerifyReport>> Verify(TestNode node, string id)
    {
        var reports = new List<VerifyReport>();
        await foreach (var report in node.Node.Sessions.VerifyAsync(id, CancellationToken.None))
            reports.Add(report);
        return reports;
    }
}
