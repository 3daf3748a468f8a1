using System.Text;
using PanguCluster.Actors.Credentials;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Weights;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests.Weights;

/// <summary>A node that knows an address and nothing else, and one that serves, in this process but over real remoting and links.</summary>
public sealed class ModelJoinTests : IDisposable
{
    private static readonly SamplingParameters Warm = new() { Temperature = 0.8f, TopP = 0.9f, Seed = 5 };
    private static readonly PackedModel Whole = TestModel.Bf16;
    private static readonly byte[] Manifest = ManifestJson.Write(Whole.Manifest);

    private readonly string _root = Directory.CreateTempSubdirectory("pangu-test-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private FetchOptions Files => new() { Folder = Path.Combine(_root, "fetched") };

    private string Folder => Path.Combine(_root, "fetched", Whole.Manifest.Digest);

    private static long TrunkBytes => Whole.Entry(PackedModel.TrunkFileName).Bytes;

    private JoinSettings Settings(string seed, bool trunk = true, NodeCredentials? credentials = null) =>
        new("empty", [seed], "127.0.0.1", null, credentials, Files, trunk) { AskAgain = TimeSpan.FromMilliseconds(100) };

    private static Task<JoinedModel> Join(JoinSettings settings) => ModelJoin.GetAsync(settings, _ => { }, TimeProvider.System, Stop);

    [Fact]
    public async Task Node_should_answer_with_the_same_tokens_when_it_joins_with_an_empty_folder()
    {
        await using var first = await TestNode.Start(TestNode.Setup("whole", Whole));
        var told = new List<JoinProgress>();
        // A seed that is not there holds nobody up.
        var settings = Settings(first.Address) with { Seeds = ["127.0.0.1:9", first.Address] };
        var joined = await ModelJoin.GetAsync(settings, told.Add, TimeProvider.System, Stop);
        Assert.Equal(TrunkBytes, joined.Received);
        Assert.Equal(new JoinProgress(Whole.Manifest.Name, TrunkBytes, TrunkBytes), told[^1]);
        Assert.Equal(Whole.Manifest.Digest, joined.Model.Manifest.Digest);
        Assert.Equal(["manifest.json", "trunk.bin"], Directory.GetFiles(Folder).Select(f => Path.GetFileName(f)!).Order());

        await using var second = await TestNode.Start(TestNode.Setup("empty", joined.Model) with { SeedNodes = [first.Address], Fetch = Files });
        await Eventually.Holds(() => first.Spread is [8, 8] && first.AllReady && second.AllReady, "every group twice", 60);
        var (prompt, expected) = Reference.Long(Whole, 30, 60, Warm);
        Tokens.AssertSame(expected, await second.Generate(prompt, 60, Warm));
        Assert.DoesNotContain(PackedModel.Open(Folder).Verify(cancel: Stop), v => v.Problem is not null);
    }

    [Fact]
    public async Task File_should_come_once_when_two_nodes_join_with_one_folder_at_the_same_time()
    {
        await using var first = await TestNode.Start(TestNode.Setup("whole", Whole));
        var joined = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => Join(Settings(first.Address) with { NodeId = $"empty-{i}" })));
        Assert.Equal(TrunkBytes, joined.Sum(j => j.Received));
        Assert.All(joined, j => j.Model.VerifyFile(PackedModel.TrunkFileName, cancel: Stop));
        Assert.Equal(["manifest.json", "trunk.bin"], Directory.GetFiles(Folder).Select(f => Path.GetFileName(f)!).Order());
    }

    [Fact]
    public async Task Only_what_lacks_or_is_damaged_should_be_fetched_when_the_node_comes_again()
    {
        await using var first = await TestNode.Start(TestNode.Setup("whole", Whole));
        Assert.Equal(0, (await Join(Settings(first.Address, trunk: false))).Received);
        Assert.Equal(TrunkBytes, (await Join(Settings(first.Address))).Received);
        Assert.Equal(0, (await Join(Settings(first.Address))).Received);

        string trunk = Path.Combine(Folder, PackedModel.TrunkFileName), group = Path.Combine(Folder, PackedModel.GroupFileName(2));
        byte[] damaged = await File.ReadAllBytesAsync(trunk, Stop);
        damaged[damaged.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(trunk, damaged, Stop);
        await File.WriteAllBytesAsync(group, [1, 2, 3], Stop);
        var again = await Join(Settings(first.Address));
        Assert.Equal(TrunkBytes, again.Received);
        again.Model.VerifyFile(PackedModel.TrunkFileName, cancel: Stop);
        Assert.Contains(PackedModel.GroupFileName(2), again.Model.MissingFiles);
    }

    [Fact]
    public async Task Model_should_come_over_encrypted_ways_only_to_a_node_of_the_cluster_when_nodes_have_certificates()
    {
        await using var first = await TestNode.Start(TestNode.Setup("whole", Whole) with
        {
            Credentials = new NodeCredentials(TestCertificates.Authority.Node("whole", ["127.0.0.1"]), [TestCertificates.Authority.Certificate]),
            Links = new LinkOptions(UnixFolder: ""),
        });
        var stranger = new NodeCredentials(TestCertificates.WrongAuthority, [TestCertificates.Stranger.Certificate]);
        foreach (var credentials in (NodeCredentials?[])[stranger, null])
        {
            var settings = Settings(first.Address, credentials: credentials) with { Patience = TimeSpan.FromSeconds(3) };
            var refused = await Assert.ThrowsAsync<GroupFileException>(() => Join(settings));
            Assert.Contains($"no node at {first.Address} has said", refused.Message, StringComparison.Ordinal);
            Assert.False(Directory.Exists(Folder));
        }
        Assert.Equal(TrunkBytes, (await Join(Settings(first.Address, credentials: TestCertificates.Good))).Received);
    }

    [Fact]
    public async Task Failure_should_name_the_seeds_when_nobody_answers()
    {
        var settings = Settings("127.0.0.1:9") with { Seeds = ["127.0.0.1:9", "127.0.0.1:10"], Patience = TimeSpan.FromMilliseconds(500) };
        var failure = await Assert.ThrowsAsync<GroupFileException>(() => Join(settings));
        Assert.Contains("127.0.0.1:9, 127.0.0.1:10", failure.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Bad => new()
    {
        { "too long", "the cluster's manifest has 524289 bytes, the limit is 524288" },
        { "too many peers", "65 nodes to fetch from, the limit is 64" },
        { "nameless peer", "an id of 0 characters, expected 1..128" },
        { "numerics", "numerics_version is 2, this build computes by 1" },
        { "changed", "the manifest was changed or damaged" },
        { "cut", "the cluster's manifest.json" },
        { "path", "../../trunk.bin" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void Offer_should_be_refused_with_the_reason_when_it_is_bad(string fault, string reason)
    {
        var peer = new FilePeer("n", new LinkEndpoints("", "127.0.0.1:1", "h"));
        var good = new ModelOfferProtocol.ModelOffer(Manifest, [peer]);
        Assert.Equal(Whole.Manifest.Digest, ModelJoin.Check(good).Manifest.Digest);
        var bad = fault switch
        {
            "too long" => good with { Manifest = new byte[ModelOfferProtocol.MaxManifestBytes + 1] },
            "too many peers" => good with { Peers = [.. Enumerable.Repeat(peer, ModelOfferProtocol.MaxPeers + 1)] },
            "nameless peer" => good with { Peers = [peer, peer with { NodeId = "" }] },
            "numerics" => good with { Manifest = Edited("\"numerics_version\": 1", "\"numerics_version\": 2") },
            "changed" => good with { Manifest = Edited($"\"sha256\": \"{Whole.Manifest.Files[0].Sha256}\"", $"\"sha256\": \"{new string('0', 64)}\"") },
            "path" => good with { Manifest = Edited("\"name\": \"trunk.bin\"", "\"name\": \"../../trunk.bin\"") },
            _ => good with { Manifest = Manifest[..100] },
        };
        var refused = Assert.ThrowsAny<Exception>(() => ModelJoin.Check(bad));
        Assert.True(refused is GroupFileException or ModelFormatException, refused.ToString());
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    private static byte[] Edited(string from, string to)
    {
        string text = Encoding.UTF8.GetString(Manifest);
        Assert.Contains(from, text, StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal));
    }
}
