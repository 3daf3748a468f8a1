using PanguCluster.Actors.Credentials;
using PanguCluster.Actors.Links;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Weights;

/// <summary>Who asks for the cluster's model, and where.</summary>
/// <param name="Seeds">HOST:PORT of nodes, as they advertise themselves; at least one.</param>
/// <param name="Host">Address this node's remoting will listen on.</param>
/// <param name="Fetch">Its folder gets a folder for the model, named by digest.</param>
/// <param name="Trunk">Whether this node decodes.</param>
public sealed record JoinSettings(
    string NodeId, IReadOnlyList<string> Seeds, string Host, string? AdvertisedHost, NodeCredentials? Credentials, FetchOptions Fetch, bool Trunk)
{
    /// <summary>How long the seeds may take to answer.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Before they are asked again.</summary>
    public TimeSpan AskAgain { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>How far the files have come.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Here">Bytes that are here.</param>
/// <param name="Total">Bytes of all files that this node needs before it joins.</param>
public readonly record struct JoinProgress(string Model, long Here, long Total);

/// <summary>What came.</summary>
/// <param name="Received">Bytes that came from peers: 0 where the folder had everything.</param>
public sealed record JoinedModel(PackedModel Model, long Received, TimeSpan Took);

/// <summary>Gets the model of a running cluster into an empty folder: manifest and tokenizer, and the trunk for a decoder. Groups come as placement gives them.</summary>
public static class ModelJoin
{
    private const int MaxNodeIdLength = 128;

    /// <param name="progress">Called on a thread of its own.</param>
    /// <exception cref="GroupFileException">No seed answers in time, an offer is out of bounds, or no peer gives a file; says why.</exception>
    /// <exception cref="ModelFormatException">This build cannot run the cluster's model, or its manifest is damaged.</exception>
    public static async Task<JoinedModel> GetAsync(JoinSettings settings, Action<JoinProgress> progress, TimeProvider time, CancellationToken stop)
    {
        long start = time.GetTimestamp();
        var (manifest, peers) = Check(await SeedQuestion.AskAsync(settings, time, stop).ConfigureAwait(false));
        string folder = FolderOf(settings.Fetch, manifest);
        long received = await Task.Factory.StartNew(
            () => Fetch(settings, manifest, peers, folder, progress, time, stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            .ConfigureAwait(false);
        return new JoinedModel(PackedModel.Open(folder), received, time.GetElapsedTime(start));
    }

    /// <summary>Where the files of a model are that this node has fetched, whoever asked for them.</summary>
    public static string FolderOf(FetchOptions fetch, Manifest manifest) =>
        Path.Combine(fetch.Folder ?? throw new ArgumentException("Fetch.Folder: is needed", nameof(fetch)), manifest.Digest);

    /// <summary>What an offer comes to. Pure.</summary>
    /// <exception cref="GroupFileException">A part of it is over its limit.</exception>
    /// <exception cref="ModelFormatException">This build cannot run the model, or the manifest is not what its digest says.</exception>
    internal static (Manifest Manifest, IReadOnlyList<FilePeer> Peers) Check(ModelOfferProtocol.ModelOffer offer)
    {
        if (offer.Manifest.Length > ModelOfferProtocol.MaxManifestBytes)
            throw new GroupFileException($"the cluster's manifest has {offer.Manifest.Length} bytes, the limit is {ModelOfferProtocol.MaxManifestBytes}");
        if (offer.Peers.Count > ModelOfferProtocol.MaxPeers)
            throw new GroupFileException($"the cluster names {offer.Peers.Count} nodes to fetch from, the limit is {ModelOfferProtocol.MaxPeers}");
        if (offer.Peers.FirstOrDefault(p => p.NodeId.Length is 0 or > MaxNodeIdLength) is { } odd)
            throw new GroupFileException($"the cluster names a node by an id of {odd.NodeId.Length} characters, expected 1..{MaxNodeIdLength}");
        return (ManifestJson.Parse("the cluster's manifest.json", offer.Manifest), offer.Peers);
    }

    private static long Fetch(
        JoinSettings settings, Manifest manifest, IReadOnlyList<FilePeer> peers, string folder, Action<JoinProgress> progress, TimeProvider time, CancellationToken stop)
    {
        var links = new FileLinks(
            new LinkIdentity(settings.NodeId, manifest.Digest, manifest.NumericsVersion), new LinkOptions { Credentials = settings.Credentials },
            HostIdentity.Current, time);
        var rate = settings.Fetch.BytesPerSecond is { } limit ? new TokenBucket(limit, time) : null;
        PackedFile[] wanted = [.. manifest.Files.Where(f => IsWanted(f.Name, settings.Trunk))];
        long total = wanted.Sum(f => f.Bytes), before = 0, received = 0;
        try
        {
            foreach (var file in manifest.Files)
                RemoveDamaged(folder, file, wanted.Contains(file), stop);
            foreach (var file in wanted)
            {
                var fetch = new FileFetch(
                    file, folder, () => peers, links, settings.Fetch, rate, here => progress(new JoinProgress(manifest.Name, before + here, total)), stop);
                fetch.Run();
                before += file.Bytes;
                received += fetch.Received;
            }
            // Last: a folder with a manifest is a model.
            Write(Path.Combine(folder, PackedModel.ManifestFileName), ManifestJson.Write(manifest), settings.NodeId);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GroupFileException($"{folder} cannot be written: {e.Message}", e);
        }
        return received;
    }

    /// <summary>Groups are read when they are opened; of them only the length is looked at, because no model opens with a wrong one.</summary>
    private static void RemoveDamaged(string folder, PackedFile file, bool whole, CancellationToken stop)
    {
        if (whole || (new FileInfo(Path.Combine(folder, file.Name)) is { Exists: true } here && here.Length != file.Bytes))
            PartialFile.RemoveDamaged(folder, file, stop);
    }

    private static bool IsWanted(string name, bool trunk) =>
        name == PackedModel.TrunkFileName ? trunk : name is ManifestRules.TokenizerFile or ManifestRules.TokenizerConfigFile;

    /// <summary>Other nodes of this machine may do the same.</summary>
    private static void Write(string path, byte[] bytes, string nodeId)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string own = $"{path}.{nodeId}.{Environment.ProcessId}";
        File.WriteAllBytes(own, bytes);
        File.Move(own, path, overwrite: true);
    }
}
