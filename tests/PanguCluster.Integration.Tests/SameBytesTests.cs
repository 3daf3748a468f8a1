using PanguCluster.Chaos.Processes;
using Pangu.V1;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

/// <summary>One process, three processes, native and managed kernels: the same bytes.</summary>
public class SameBytesTests
{
    [Theory]
    [InlineData("bf16")]
    [InlineData("w8a8")]
    public async Task Answers_should_be_the_bytes_of_one_process_when_three_share_the_groups(string format)
    {
        var expected = await AnswersAsync("--format", format);
        await using var up = await UpCluster.StartAsync(3, "--format", format);

        var cluster = await GroupsAsync(up.Nodes[0].Grpc);
        // Four clients at once, on different nodes.
        string[] answers = await Task.WhenAll(Prompts.All.Select((prompt, i) => Prompts.AskAsync(up.Nodes[i % 3].Grpc, prompt)));
        var after = await GroupsAsync(up.Nodes[1].Grpc);

        Assert.Equal([6, 5, 5], cluster.Nodes.Select(n => n.Groups.Count).OrderDescending());
        Assert.Equal(8, cluster.Groups.Count(g => g.State == "Ready"));
        Assert.Equal(expected, answers);
        Assert.Equal(0.0, after.ImbalanceScore);
        Assert.Single(after.Groups.Select(g => g.Rows).Distinct());
        Assert.All(after.Groups, g => Assert.True(g.Rows > 0));
    }

    [Theory]
    [InlineData("bf16")]
    [InlineData("w8a8")]
    public async Task Answers_should_be_the_bytes_of_native_kernels_when_managed_ones_compute(string format)
    {
        string[] native = await AnswersAsync("--format", format, "--threads", "2");

        Assert.Equal(native, await AnswersAsync("--format", format, "--kernels", "managed"));
    }

    private static async Task<string[]> AnswersAsync(params string[] options)
    {
        await using var node = await ServeNode.StartReadyAsync(["--model", Repository.Nano, .. options]);
        var answers = new List<string>();
        foreach (string[] prompt in Prompts.All)
            answers.Add(await Prompts.AskAsync(node.Grpc, prompt));
        return [.. answers];
    }

    /// <summary>What <c>pangu groups -o json</c> prints.</summary>
    private static async Task<ClusterState> GroupsAsync(string server)
    {
        // Rows are told twice a second; after the last answer the view settles.
        ClusterState? state = null;
        await Wait.UntilAsync(
            async () =>
            {
                var ended = await RunningProgram.RunPanguAsync("groups", "-o", "json", "--server", server);
                state = ended.Code == 0 ? ClusterState.Parser.ParseJson(ended.Output) : null;
                return state is not null && state.Groups.Select(g => g.Rows).Distinct().Count() == 1 && state.Nodes.Sum(n => n.Load?.Running ?? 0) == 0
                    && state.Groups.All(g => g.Replicas.Count(r => r.State == "Ready") == 2);
            },
            RunningProgram.Limit, () => $"last state: {state}");
        return state!;
    }
}
