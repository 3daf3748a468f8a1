using Akka.Actor;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Weights;
using PanguCluster.Actors.Wire.Proto;
using PanguCluster.Model.Packing;
using Xunit;

namespace PanguCluster.Actors.Tests.Weights;

/// <summary>A node without group 3's file, and peers that have it, or say so.</summary>
public sealed class GroupFilesTests : IDisposable
{
    private const int Group = 3;
    private static readonly LinkOptions Links = new(UnixFolder: "") { HandshakeTimeout = TimeSpan.FromSeconds(5) };
    private static readonly PackedModel Whole = TestModel.Bf16;
    private static readonly byte[] Bytes = File.ReadAllBytes(Whole.GroupPath(Group));

    private readonly string _root = Directory.CreateTempSubdirectory("pangu-test-").FullName;
    private readonly PackedModel _model;
    private readonly RecordingEvents _events = new();
    private readonly FetchOptions _options = new() { MinWait = TimeSpan.FromMilliseconds(1), MaxWait = TimeSpan.FromMilliseconds(5) };

    public GroupFilesTests()
    {
        string folder = Path.Combine(_root, "model");
        Directory.CreateDirectory(folder);
        File.Copy(Path.Combine(Whole.Folder, PackedModel.ManifestFileName), Path.Combine(folder, PackedModel.ManifestFileName));
        _model = PackedModel.Open(folder).WithFetchedFolder(Path.Combine(_root, "fetched"));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private GroupFiles Files(params FilePeer[] peers) => Files(_model, peers);

    private GroupFiles Files(PackedModel model, params FilePeer[] peers) => new(
        model, _options, new FileLinks(new LinkIdentity("here", Whole.Manifest.Digest, 1), Links, "this host", TimeProvider.System), _ => peers, _events, TimeProvider.System);

    private static ScriptedPeer Good(string nodeId = "good") => new(nodeId, (socket, hello) => Send(socket, hello, Bytes, Bytes.Length));

    private static void Send(LinkSocket socket, LinkHello hello, byte[] file, int end)
    {
        ScriptedPeer.Welcome(socket, hello, file.Length);
        for (int at = (int)hello.FileOffset; at < end; at += 1000)
            ScriptedPeer.Chunk(socket, at, file.AsSpan(at, Math.Min(1000, end - at)));
    }

    private void AssertFetched(GroupFiles files)
    {
        Assert.True(files.Has(Group));
        Assert.Equal(Bytes, File.ReadAllBytes(_model.GroupPath(Group)));
        Assert.Single(Directory.GetFiles(_model.FetchedFolder!));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Group_should_come_over_a_link_server_when_a_peer_has_it()
    {
        var system = ActorSystem.Create("files");
        var server = new LinkServer(
            Whole.Manifest, new LinkIdentity("server", Whole.Manifest.Digest, 1), new LinkLimits(Whole.Manifest, 8, 3), Links, new LocalDevices(8),
            new RecordingLog(), new FileServing(Whole, _options));
        try
        {
            var files = Files(new FilePeer("server", server.Endpoints));
            long told = 0;
            Assert.False(files.Has(Group));
            await files.EnsureAsync(Group, bytes => told = bytes, Stop);
            AssertFetched(files);
            Assert.Equal(Bytes.Length, told);
            _model.VerifyFile(PackedModel.GroupFileName(Group), cancel: Stop);
        }
        finally
        {
            server.Dispose();
            await system.Terminate();
        }
    }

    [Fact]
    public async Task Only_the_rest_should_be_fetched_when_a_peer_breaks_off()
    {
        using var short_ = new ScriptedPeer("short", (socket, hello) => Send(socket, hello, Bytes, 5000));
        using var good = Good();
        var files = Files(short_.Peer, good.Peer);
        await files.EnsureAsync(Group, _ => { }, Stop);
        AssertFetched(files);
        Assert.Equal([0], short_.Offsets);
        Assert.Equal([5000], good.Offsets);
        var fetched = Assert.Single(_events.Recorded);
        Assert.Equal((ClusterEventKind.FileFetched, "group 3", $"{Bytes.Length} bytes from good, short"), (fetched.Kind, fetched.Subject, fetched.Detail));
        Assert.NotNull(fetched.Duration);
    }

    [Fact]
    public async Task Only_the_rest_should_be_fetched_when_an_earlier_process_left_a_part()
    {
        Directory.CreateDirectory(_model.FetchedFolder!);
        await File.WriteAllBytesAsync(_model.GroupPath(Group) + ".partial", Bytes[..7000], Stop);
        using var good = Good();
        var files = Files(good.Peer);
        await files.EnsureAsync(Group, _ => { }, Stop);
        AssertFetched(files);
        Assert.Equal([7000], good.Offsets);
    }

    [Fact]
    public async Task Another_peer_should_be_asked_from_the_front_when_a_bit_is_flipped()
    {
        byte[] damaged = [.. Bytes];
        damaged[6000] ^= 4;
        using var liar = new ScriptedPeer("liar", (socket, hello) => Send(socket, hello, damaged, damaged.Length));
        using var good = Good();
        var files = Files(liar.Peer, good.Peer);
        await files.EnsureAsync(Group, _ => { }, Stop);
        AssertFetched(files);
        Assert.Equal([0], liar.Offsets);
        Assert.Equal([0], good.Offsets);
    }

    [Theory]
    [InlineData("flipped", "SHA-256 is")]
    [InlineData("garbage", "frame magic is 0x20544547")]
    [InlineData("too long", "the limit is")]
    [InlineData("empty chunk", "chunk of 0 bytes")]
    [InlineData("other offset", "chunk of group-03.bin at 77, expected 0")]
    [InlineData("rows", "expected a chunk of group-03.bin, got Reply")]
    [InlineData("refused", "it is raining")]
    [InlineData("another model", "another model")]
    public async Task Failure_should_name_file_peer_and_fault_when_no_peer_is_of_use(string fault, string reason)
    {
        using var bad = new ScriptedPeer("bad", (socket, hello) => Misbehave(fault, socket, hello));
        var files = Files(bad.Peer);
        var failure = await Assert.ThrowsAsync<GroupFileException>(() => files.EnsureAsync(Group, _ => { }, Stop));
        Assert.Contains("group-03.bin", failure.Message, StringComparison.Ordinal);
        Assert.Contains("from node bad", failure.Message, StringComparison.Ordinal);
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.False(files.Has(Group));
    }

    private static void Misbehave(string fault, LinkSocket socket, LinkHello hello)
    {
        if (fault == "refused")
            socket.SendHandshake(LinkFrameKind.Refused, new LinkRefused { Reason = "it is raining" });
        else if (fault == "another model")
            hello.ModelDigest = new string('0', 64);
        if (fault != "refused")
            ScriptedPeer.Welcome(socket, hello, Bytes.Length);
        var header = new byte[LinkHeader.Bytes];
        if (fault == "flipped")
            ScriptedPeer.Chunk(socket, 0, new byte[Bytes.Length]);
        else if (fault == "garbage")
            socket.Send("GET / HTTP/1.1\r\nHost: nobody\r\nUser-Agent: somebody else\r\n\r\n"u8);
        else if (fault == "too long")
            ScriptedPeer.Chunk(socket, 0, new byte[Bytes.Length + 1]);
        else if (fault == "empty chunk")
            ScriptedPeer.Chunk(socket, 0, []);
        else if (fault == "other offset")
            ScriptedPeer.Chunk(socket, 77, new byte[10]);
        else if (fault == "rows")
        {
            new LinkHeader(LinkFrameKind.Reply, 0).Write(header);
            socket.Send(header);
        }
    }

    [Fact]
    public async Task One_transfer_should_serve_both_when_a_group_is_wanted_twice()
    {
        using var go = new ManualResetEventSlim();
        using var peer = new ScriptedPeer("slow", (socket, hello) =>
        {
            go.Wait(Stop);
            Send(socket, hello, Bytes, Bytes.Length);
        });
        var files = Files(peer.Peer);
        var first = files.EnsureAsync(Group, _ => { }, Stop);
        var second = files.EnsureAsync(Group, _ => { }, Stop);
        go.Set();
        await Task.WhenAll(first, second);
        AssertFetched(files);
        Assert.Equal([0], peer.Offsets);
    }

    [Fact]
    public async Task Fetch_should_try_again_when_the_peer_is_busy()
    {
        int asked = 0;
        using var peer = new ScriptedPeer("busy", (socket, hello) =>
        {
            if (++asked < 10)
                socket.SendHandshake(LinkFrameKind.Refused, new LinkRefused { Reason = "busy", Busy = true });
            else
                Send(socket, hello, Bytes, Bytes.Length);
        });
        var files = Files(peer.Peer);
        await files.EnsureAsync(Group, _ => { }, Stop);
        AssertFetched(files);
        Assert.Equal(10, asked);
    }

    [Fact]
    public async Task File_should_be_fetched_again_when_it_is_damaged_later()
    {
        using var good = Good();
        var files = Files(good.Peer);
        await files.EnsureAsync(Group, _ => { }, Stop);
        Assert.False(files.RemoveDamaged(Group));
        byte[] damaged = [.. Bytes];
        damaged[6000] ^= 4;
        await File.WriteAllBytesAsync(_model.GroupPath(Group), damaged, Stop);
        Assert.True(files.Has(Group));
        Assert.True(files.RemoveDamaged(Group));
        await files.EnsureAsync(Group, _ => { }, Stop);
        AssertFetched(files);
        Assert.Equal([0, 0], good.Offsets);
    }

    [Fact]
    public async Task File_of_the_operator_should_stay_when_it_is_damaged()
    {
        byte[] damaged = [.. Bytes];
        damaged[6000] ^= 4;
        string path = Path.Combine(_model.Folder, PackedModel.GroupFileName(Group));
        await File.WriteAllBytesAsync(path, damaged, Stop);
        var model = PackedModel.Open(_model.Folder).WithFetchedFolder(_model.FetchedFolder!);
        Assert.False(Files(model).RemoveDamaged(Group));
        Assert.Equal(damaged, await File.ReadAllBytesAsync(path, Stop));
    }

    [Fact]
    public void Bucket_should_make_wait_for_what_is_taken_beyond_the_rate()
    {
        var time = new ManualTime();
        var bucket = new TokenBucket(1000, time);
        Assert.Equal(TimeSpan.Zero, bucket.Take(1000));
        Assert.Equal(TimeSpan.FromSeconds(0.5), bucket.Take(500));
        time.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal(TimeSpan.FromSeconds(1), bucket.Take(1000));
        time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(TimeSpan.Zero, bucket.Take(1000));
        Assert.Equal(TimeSpan.FromMilliseconds(1), bucket.Take(1));
    }
}
