using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Weights;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests.Weights;

/// <summary>A node without one group's file joins a node that has them all, in this process.</summary>
public sealed class EmptyNodeTests
{
    private static readonly SamplingParameters Warm = new() { Temperature = 0.8f, TopP = 0.9f, Seed = 5 };

    /// <param name="damaged">A file that was fetched before has rotted since.</param>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Node_without_group_files_should_fetch_what_it_is_given_and_answer_with_the_same_tokens(bool damaged)
    {
        var whole = TestModel.Bf16;
        string root = Directory.CreateTempSubdirectory("pangu-test-").FullName;
        string folder = Path.Combine(root, "model");
        Directory.CreateDirectory(folder);
        foreach (string name in (string[])[PackedModel.ManifestFileName, PackedModel.TrunkFileName])
            File.Copy(Path.Combine(whole.Folder, name), Path.Combine(folder, name));
        string fetched = Path.Combine(root, "fetched", whole.Manifest.Digest);
        if (damaged)
        {
            Directory.CreateDirectory(fetched);
            await File.WriteAllBytesAsync(Path.Combine(fetched, PackedModel.GroupFileName(3)), new byte[whole.Group.Length], TestContext.Current.CancellationToken);
        }
        var first = await TestNode.Start(TestNode.Setup("whole", whole));
        var second = await TestNode.Start(TestNode.Setup("empty", PackedModel.Open(folder)) with
        {
            SeedNodes = [first.Address], Fetch = new FetchOptions { Folder = Path.Combine(root, "fetched") },
        });
        try
        {
            await Eventually.Holds(() => first.Spread is [8, 8] && first.AllReady && second.AllReady, "every group twice", 60);
            Assert.Equal(Enumerable.Range(0, 8).Select(PackedModel.GroupFileName), Directory.GetFiles(fetched).Select(f => Path.GetFileName(f)!).Order());

            var (prompt, expected) = Reference.Long(whole, 30, 60, Warm);
            Tokens.AssertSame(expected, await second.Generate(prompt, 60, Warm));
        }
        finally
        {
            await second.DisposeAsync();
            await first.DisposeAsync();
            Directory.Delete(root, recursive: true);
        }
    }
}
