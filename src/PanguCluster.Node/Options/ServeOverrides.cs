using System.Text.Json;
using System.Text.Json.Serialization;

namespace PanguCluster.Node.Options;

/// <summary>
/// What the user has said about a node, on the command line or in a JSON file (snake_case keys): everything else keeps its default.
/// </summary>
public sealed record ServeOverrides
{
    public string? Model { get; init; }
    public string? Http { get; init; }
    public string? Grpc { get; init; }
    public string? Cluster { get; init; }
    public IReadOnlyList<string>? SeedNodes { get; init; }
    public IReadOnlyList<string>? Roles { get; init; }
    public string? Data { get; init; }
    public string? Format { get; init; }
    public string? Kv { get; init; }
    public string? Kernels { get; init; }
    public int? Threads { get; init; }
    public string? KvMemory { get; init; }
    public string? FetchRate { get; init; }
    public int? KvBlocks { get; init; }
    public int? ContextLength { get; init; }
    public int? PrefillChunk { get; init; }
    public string? PrefixCache { get; init; }
    public int? MinExpertNodes { get; init; }
    public int? Replicas { get; init; }
    public int? MaxGroups { get; init; }
    public string? Warm { get; init; }
    public string? Launcher { get; init; }
    public string? Autoscale { get; init; }
    public string? AutoscaleWait { get; init; }
    public string? AutoscaleKv { get; init; }
    public string? AutoscaleCooldown { get; init; }
    public string? LaunchFolder { get; init; }
    public string? StartNodeCommand { get; init; }
    public string? StopNodeCommand { get; init; }
    public int? StartNice { get; init; }
    public string? Journal { get; init; }
    public string? KeepSessions { get; init; }
    public string? NodeId { get; init; }
    public string? LogLevel { get; init; }
    public string? Advertise { get; init; }
    public string? ApiKeys { get; init; }
    public string? TlsCert { get; init; }
    public string? TlsKey { get; init; }
    public string? TlsClientCa { get; init; }
    public string? ClusterCert { get; init; }
    public string? ClusterKey { get; init; }
    public string? ClusterCa { get; init; }
    public string? DetachTtl { get; init; }
    public string? DrainTimeout { get; init; }

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
    };

    /// <summary>Reads a file of overrides. Unknown keys are refused, so that a misspelt one cannot be overlooked.</summary>
    /// <exception cref="OptionException">The file cannot be read, or holds something else; names the key or the line.</exception>
    public static ServeOverrides Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize<ServeOverrides>(File.ReadAllText(file), Json)
                ?? throw new OptionException($"--config {file}: expected a JSON object");
        }
        catch (JsonException wrong)
        {
            string where = wrong.LineNumber is { } line ? $" (line {line + 1})" : "";
            throw new OptionException($"--config {file}: {FirstSentence(wrong.Message)}{where}; known keys: {KnownKeys}");
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            throw new OptionException($"--config {file}: {missing.Message}");
        }
    }

    /// <summary>These overrides, and <paramref name="below"/> where these say nothing.</summary>
    public ServeOverrides Over(ServeOverrides below) => new()
    {
        Model = Model ?? below.Model,
        Http = Http ?? below.Http,
        Grpc = Grpc ?? below.Grpc,
        Cluster = Cluster ?? below.Cluster,
        SeedNodes = SeedNodes ?? below.SeedNodes,
        Roles = Roles ?? below.Roles,
        Data = Data ?? below.Data,
        Format = Format ?? below.Format,
        Kv = Kv ?? below.Kv,
        Kernels = Kernels ?? below.Kernels,
        Threads = Threads ?? below.Threads,
        KvMemory = KvMemory ?? below.KvMemory,
        FetchRate = FetchRate ?? below.FetchRate,
        KvBlocks = KvBlocks ?? below.KvBlocks,
        ContextLength = ContextLength ?? below.ContextLength,
        PrefillChunk = PrefillChunk ?? below.PrefillChunk,
        PrefixCache = PrefixCache ?? below.PrefixCache,
        MinExpertNodes = MinExpertNodes ?? below.MinExpertNodes,
        Replicas = Replicas ?? below.Replicas,
        MaxGroups = MaxGroups ?? below.MaxGroups,
        Warm = Warm ?? below.Warm,
        Launcher = Launcher ?? below.Launcher,
        Autoscale = Autoscale ?? below.Autoscale,
        AutoscaleWait = AutoscaleWait ?? below.AutoscaleWait,
        AutoscaleKv = AutoscaleKv ?? below.AutoscaleKv,
        AutoscaleCooldown = AutoscaleCooldown ?? below.AutoscaleCooldown,
        LaunchFolder = LaunchFolder ?? below.LaunchFolder,
        StartNodeCommand = StartNodeCommand ?? below.StartNodeCommand,
        StopNodeCommand = StopNodeCommand ?? below.StopNodeCommand,
        StartNice = StartNice ?? below.StartNice,
        Journal = Journal ?? below.Journal,
        KeepSessions = KeepSessions ?? below.KeepSessions,
        NodeId = NodeId ?? below.NodeId,
        LogLevel = LogLevel ?? below.LogLevel,
        Advertise = Advertise ?? below.Advertise,
        ApiKeys = ApiKeys ?? below.ApiKeys,
        TlsCert = TlsCert ?? below.TlsCert,
        TlsKey = TlsKey ?? below.TlsKey,
        TlsClientCa = TlsClientCa ?? below.TlsClientCa,
        ClusterCert = ClusterCert ?? below.ClusterCert,
        ClusterKey = ClusterKey ?? below.ClusterKey,
        ClusterCa = ClusterCa ?? below.ClusterCa,
        DetachTtl = DetachTtl ?? below.DetachTtl,
        DrainTimeout = DrainTimeout ?? below.DrainTimeout,
    };

    private static string KnownKeys => string.Join(", ",
        typeof(ServeOverrides).GetProperties().Select(p => JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name)));

    private static string FirstSentence(string message) => message.Split(" Path:", 2)[0].TrimEnd('.');
}
