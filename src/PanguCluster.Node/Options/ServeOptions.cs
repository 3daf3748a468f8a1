using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using PanguCluster.Actors.Control.Autoscaling;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Sessions.Journal;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;
using SessionOptions = PanguCluster.Actors.Sessions.SessionOptions;

namespace PanguCluster.Node.Options;

/// <summary>Everything one node needs to know, checked. The defaults run.</summary>
/// <param name="Model">Folder of a packed model or of a Hugging Face checkpoint; exists. Null: the model of the cluster that this node joins.</param>
/// <param name="Http">Where /healthz and /readyz are served.</param>
/// <param name="Grpc">Where the gRPC services are.</param>
/// <param name="Cluster">Where the other nodes reach this one.</param>
/// <param name="SeedNodes">HOST:PORT of nodes to join, as those advertise themselves; empty, or this node's own first and no other there: this node starts a cluster.</param>
/// <param name="Roles">Some of <see cref="KnownRoles"/>.</param>
/// <param name="Data">Folder for packed models, sockets and recorded sessions; made when missing.</param>
/// <param name="Format">What a checkpoint is packed to (null: bf16), and what a packed model must be (null: anything).</param>
/// <param name="Kv">How keys and values are stored, or null for what the model says.</param>
/// <param name="Threads">Threads that compute on this node.</param>
/// <param name="KvMemory">Bytes for the KV cache, or null to derive them from the machine.</param>
/// <param name="KvBlocks">Blocks of the KV cache, or null; stronger than <paramref name="KvMemory"/>.</param>
/// <param name="ContextLength">Most tokens of prompt and answer together, or null for what model and cache allow.</param>
/// <param name="PrefixCache">Whether sequences share the KV blocks of equal prefixes.</param>
/// <param name="MinExpertNodes">Groups are not placed before so many nodes with the role expert are there.</param>
/// <param name="Journal">Where sessions are recorded. Prints without its password.</param>
/// <param name="KeepSessions">How long an ended or abandoned session is kept.</param>
public sealed partial record ServeOptions(
    string? Model, NodeAddress Http, NodeAddress Grpc, NodeAddress Cluster, IReadOnlyList<string> SeedNodes,
    IReadOnlyList<string> Roles, string Data, PackFormat? Format, ElementType? Kv, KernelChoice Kernels, int Threads,
    long? KvMemory, int? KvBlocks, int? ContextLength, bool PrefixCache, int MinExpertNodes,
    JournalOptions Journal, TimeSpan KeepSessions, string NodeId, LogLevel LogLevel)
{
    public const string DefaultHttp = "127.0.0.1:7441";
    public const string DefaultGrpc = "127.0.0.1:7440";
    public const string DefaultCluster = "127.0.0.1:7442";
    public const string DefaultDetachTtl = "30s";
    public const string DefaultDrainTimeout = "30s";
    public const string DefaultModel = "models/pangu-nano";

    /// <summary>Instead of a folder: the model of the cluster that the node joins.</summary>
    public const string ClusterModel = "from-cluster";
    public const int DefaultReplicas = 2;
    public const string DefaultKeepSessions = "24h";

    /// <summary>More worker threads than this per node is a slip, not a machine.</summary>
    public const int MaxThreads = 256;

    public required SecurityOptions Security { get; init; }

    /// <summary>Whether <see cref="NodeId"/> is made from the cluster address.</summary>
    public bool HasDefaultId { get; init; }

    /// <summary>Name or address under which others reach this node; null: the address it listens on.</summary>
    public string? Advertise { get; init; }

    public static IReadOnlyList<string> KnownRoles { get; } = ["decoder", "expert", "gateway"];

    /// <summary>How long a sequence is kept for a client that has gone without a word; zero: not at all.</summary>
    public TimeSpan DetachTtl { get; init; } = TimeSpan.FromSeconds(30);

    public required LaunchOptions Launch { get; init; }

    /// <summary>By how much this node's own CPU priority is lowered until it joins; 0: not at all.</summary>
    public int StartNice { get; init; }

    /// <summary>Null: the number of nodes is the operator's.</summary>
    public AutoscaleOptions? Autoscale { get; init; }

    /// <summary>Incarnations wanted of each expert group.</summary>
    public int Replicas { get; init; } = DefaultReplicas;

    /// <summary>Which groups read all their weights once before they are ready.</summary>
    public WarmMode Warm { get; init; } = WarmMode.Auto;

    /// <summary>Most prefill rows of a step in which others decode; null: the decoder's default.</summary>
    public int? PrefillChunk { get; init; }

    /// <summary>Most expert groups that this node takes; null: no limit.</summary>
    public int? MaxGroups { get; init; }

    /// <summary>Most bytes per second that come from peers as files; null: no limit.</summary>
    public long? FetchRate { get; init; }

    /// <summary>How long a node that is told to stop hands over its groups and streams; zero: not at all.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public bool HasRole(string role) => Roles.Contains(role);

    /// <summary>Checks every field and fills in the defaults.</summary>
    /// <exception cref="OptionException">Names the option, its value and what would do.</exception>
    public static ServeOptions From(ServeOverrides said)
    {
        var cluster = Address("--cluster", said.Cluster ?? DefaultCluster);
        var http = Address("--http", said.Http ?? DefaultHttp);
        var grpc = Address("--grpc", said.Grpc ?? DefaultGrpc);
        RefuseSharedPorts(("--http", http), ("--grpc", grpc), ("--cluster", cluster));
        var launch = LaunchOptions.From(said, said.Data ?? DefaultData());
        var options = new ServeOptions(
            Serves(said), http, grpc, cluster,
            [.. (said.SeedNodes ?? []).Select(SeedAddress)],
            RoleList(said.Roles), said.Data ?? DefaultData(),
            said.Format is { } format ? ParseFormat(format) : null, KvTypes.Parse(said.Kv), ParseKernels(said.Kernels ?? "native"),
            InRange("--threads", said.Threads ?? Environment.ProcessorCount, 1, MaxThreads),
            said.KvMemory is { } memory ? Memory(memory) : null,
            said.KvBlocks is { } blocks ? InRange("--kv-blocks", blocks, 1, 1 << 24) : null,
            said.ContextLength is { } context ? InRange("--context-length", context, 2, 1 << 24) : null,
            OnOff("--prefix-cache", said.PrefixCache ?? "on"),
            InRange("--min-expert-nodes", said.MinExpertNodes ?? 1, 1, 1024),
            ParseJournal(said.Journal ?? "sqlite", said.Data ?? DefaultData()),
            Duration.InRange("--keep-sessions", said.KeepSessions ?? DefaultKeepSessions, SessionOptions.MinKeep, SessionOptions.MaxKeep),
            Id(said.NodeId ?? NodeIds.Default(cluster, Environment.MachineName)), Level(said.LogLevel ?? "warning"))
        {
            Security = SecurityOptions.From(said),
            HasDefaultId = said.NodeId is null,
            Launch = launch,
            StartNice = said.StartNice is null ? 0 : launch.StartNice,
            Autoscale = AutoscaleSettings.From(said, launch.Kind),
            Replicas = InRange("--replicas", said.Replicas ?? DefaultReplicas, 1, 16),
            Warm = ParseWarm(said.Warm ?? "auto"),
            PrefillChunk = said.PrefillChunk is { } chunk ? InRange("--prefill-chunk", chunk, 1, new DecoderOptions().MaxRows) : null,
            MaxGroups = said.MaxGroups is { } most ? InRange("--max-groups", most, 1, 1024) : null,
            FetchRate = said.FetchRate is { } rate ? Rate(rate) : null,
            Advertise = said.Advertise is { } host ? Advertised(host) : null,
            DetachTtl = Duration.InRange("--detach-ttl", said.DetachTtl ?? DefaultDetachTtl, TimeSpan.Zero, TimeSpan.FromDays(365)),
            DrainTimeout = Duration.InRange("--drain-timeout", said.DrainTimeout ?? DefaultDrainTimeout, TimeSpan.Zero, TimeSpan.FromHours(24)),
        };
        BindRules.Check(options);
        return options;
    }

    public static PackFormat ParseFormat(string text) => text switch
    {
        "bf16" => PackFormat.Bf16,
        "w8a8" => PackFormat.W8A8,
        "w4a8" => PackFormat.W4A8,
        _ => throw new OptionException($"--format {text}: expected bf16, w8a8 or w4a8"),
    };

    public static KernelChoice ParseKernels(string text) => text switch
    {
        "native" => KernelChoice.Native,
        "managed" => KernelChoice.Managed,
        _ => throw new OptionException($"--kernels {text}: expected native or managed"),
    };

    private static WarmMode ParseWarm(string text) => text switch
    {
        "auto" => WarmMode.Auto,
        "on" => WarmMode.On,
        "off" => WarmMode.Off,
        _ => throw new OptionException($"--warm {text}: expected auto, on or off"),
    };

    /// <exception cref="OptionException">It is no journal; the message does not repeat it, because it may hold a password.</exception>
    private static JournalOptions ParseJournal(string text, string dataFolder)
    {
        try
        {
            return JournalOptions.Parse(text, Path.GetFullPath(dataFolder));
        }
        catch (ArgumentException wrong)
        {
            throw new OptionException($"--journal: {wrong.Message}");
        }
    }

    /// <summary>A node that joins serves what its cluster serves, unless a model is named.</summary>
    private static string? Serves(ServeOverrides said)
    {
        bool joins = said.SeedNodes is { Count: > 0 };
        if (said.Model == ClusterModel && !joins)
            throw new OptionException($"--model {ClusterModel}: needs --seed-node, the address of a node of that cluster");
        return said.Model == ClusterModel || (said.Model is null && joins) ? null : ModelFolder(said.Model);
    }

    /// <summary>The given folder, or the sample model, looked for upwards from the working folder and from the executable.</summary>
    public static string ModelFolder(string? said)
    {
        if (said is not null)
            return Directory.Exists(said) ? Path.GetFullPath(said) : throw new OptionException($"--model {said}: no such folder");
        foreach (string start in (string[])[Directory.GetCurrentDirectory(), AppContext.BaseDirectory])
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                if (Directory.Exists(Path.Combine(folder.FullName, DefaultModel)))
                    return Path.Combine(folder.FullName, DefaultModel);
        throw new OptionException($"--model: not given, and the sample model {DefaultModel} is not here; name a model folder");
    }

    /// <summary>Above the cache that the other verbs use, so that a model is packed once for all.</summary>
    public static string DefaultData() => Path.GetDirectoryName(ModelLocator.DefaultCacheRoot())!;

    private static NodeAddress Address(string option, string text) => NodeAddress.TryParse(text, out var address, out string? problem)
        ? address
        : throw new OptionException($"{option}: {problem}");

    /// <summary>An IP address or a DNS name, and a port.</summary>
    private static string SeedAddress(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon > 0 && HostPattern().IsMatch(text[..colon]) && ushort.TryParse(text.AsSpan(colon + 1), out ushort port))
            return port > 0 ? text : throw new OptionException($"--seed-node: '{text}' has port 0; name the port that node listens on");
        throw new OptionException($"--seed-node: '{text}' is no address: expected HOST:PORT, like 127.0.0.1:7442");
    }

    private static string Advertised(string host) => HostPattern().IsMatch(host)
        ? host.Trim('[', ']')
        : throw new OptionException($"--advertise {host}: expected a DNS name or an IP address, without a port");

    private static void RefuseSharedPorts(params (string Option, NodeAddress Address)[] all)
    {
        foreach (var (option, address) in all)
            foreach (var (other, same) in all)
                if (string.CompareOrdinal(option, other) < 0 && address.Port != 0 && address == same)
                    throw new OptionException($"{option} and {other} are both {address}: give each its own port");
    }

    private static string[] RoleList(IReadOnlyList<string>? said)
    {
        string[] roles = [.. (said ?? KnownRoles)
            .SelectMany(r => r.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .Distinct()];
        if (roles.Length == 0)
            throw new OptionException("--roles: none given; expected some of decoder, expert, gateway");
        return roles.FirstOrDefault(role => !KnownRoles.Contains(role)) is { } unknown
            ? throw new OptionException($"--roles: '{unknown}' is none of decoder, expert, gateway")
            : roles;
    }

    /// <exception cref="OptionException">The value is out of range.</exception>
    public static int InRange(string option, int value, int least, int most) => value >= least && value <= most
        ? value
        : throw new OptionException($"{option} {value}: expected {least} .. {most}");

    private static long Memory(string text) => ByteSize.Parse(text)
        ?? throw new OptionException($"--kv-memory {text}: expected a size like 512MiB, at most 1TiB");

    private static long Rate(string text) => ByteSize.Parse(text) is { } bytes && bytes >= Actors.Weights.FetchOptions.MinBytesPerSecond
        ? bytes
        : throw new OptionException($"--fetch-rate {text}: expected a size per second like 100MiB, 1MiB .. 1TiB");

    private static bool OnOff(string option, string text) => text switch
    {
        "on" => true,
        "off" => false,
        _ => throw new OptionException($"{option} {text}: expected on or off"),
    };

    private static string Id(string text) => IdPattern().IsMatch(text)
        ? text
        : throw new OptionException($"--node-id {text}: expected 1 .. 32 of a-z A-Z 0-9 - _");

    private static LogLevel Level(string text) => Enum.TryParse(text, ignoreCase: true, out LogLevel level) && Enum.IsDefined(level)
        ? level
        : throw new OptionException($"--log-level {text}: expected trace, debug, information, warning, error or critical");

    /// <summary>A DNS name, an IPv4 address, or an IPv6 address in brackets.</summary>
    [GeneratedRegex(@"^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])$")]
    private static partial Regex HostPattern();

    [GeneratedRegex("^[A-Za-z0-9_-]{1,32}$")]
    private static partial Regex IdPattern();
}
