using System.CommandLine;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary>The options of <c>pangu serve</c> as System.CommandLine has them; <see cref="ServeOptions"/> judges their values.</summary>
public sealed class ServeCommandLine
{
    private readonly Option<string?> _model = Text("--model", "DIR", $"packed model or Hugging Face checkpoint, or {ServeOptions.ClusterModel}: fetched from the nodes at --seed-node into --data; default {ServeOptions.ClusterModel} with --seed-node, else {ServeOptions.DefaultModel}");
    private readonly Option<string?> _http = Text("--http", "HOST:PORT", $"health endpoints; default {ServeOptions.DefaultHttp}");
    private readonly Option<string?> _grpc = Text("--grpc", "HOST:PORT", $"gRPC services; default {ServeOptions.DefaultGrpc}");
    private readonly Option<string?> _cluster = Text("--cluster", "HOST:PORT", $"where other nodes reach this one; default {ServeOptions.DefaultCluster}");
    private readonly Option<string?> _data = Text("--data", "DIR", $"packed and fetched models are kept here; default {ServeOptions.DefaultData()}");
    private readonly Option<string?> _config = Text("--config", "FILE", "JSON file with any of these options in snake_case; the command line is stronger");
    private readonly Option<string?> _format = Text("--format", "bf16|w8a8|w4a8", "how a checkpoint is packed; default bf16");
    private readonly Option<string?> _kv = Text("--kv", KvTypes.Choices, "how keys and values are stored, the same on every node; default what the model says");
    private readonly Option<string?> _kernels = Text("--kernels", "native|managed", "C++ kernels, or the slow reference with the same bits; default native");
    private readonly Option<string?> _kvMemory = Text(
        "--kv-memory", "SIZE", "memory of the KV cache, like 512MiB; default a quarter of what is free, at most 4 GiB");
    private readonly Option<string?> _fetchRate = Text("--fetch-rate", "SIZE", "most bytes per second of weights fetched from other nodes, like 100MiB; default no limit");
    private readonly Option<string?> _prefixCache = Text(
        "--prefix-cache", "on|off", "share the KV blocks of equal prefixes; the answers are the same either way; default on");
    private readonly Option<string?> _journal = Text(
        "--journal", "sqlite|postgres://...|memory",
        "where sessions are recorded; default sqlite, a file in the --data folder for all nodes of this machine; nodes on several machines need PostgreSQL "
        + "(keep its password out of the process list: put it into the --config file)");
    private readonly Option<string?> _keepSessions = Text(
        "--keep-sessions", "TIME", $"how long ended sessions can be looked at and resumed, like 12h or 7d; default {ServeOptions.DefaultKeepSessions}");
    private readonly Option<string?> _nodeId = Text("--node-id", "ID", "name of the node; default node-PORT, and HOSTNAME-PORT where --cluster is not loopback");
    private readonly Option<string?> _logLevel = Text("--log-level", "LEVEL", "default warning");
    private readonly Option<string?> _advertise = Text("--advertise", "HOST", "name or address that others are told, where --cluster is every address of the machine");
    private readonly Option<string?> _apiKeys = Text("--api-keys", "FILE", "callers need a key of this file, which 'pangu keys' writes; changes take effect at once");
    private readonly Option<string?> _tlsCert = Text("--tls-cert", "FILE", "PEM certificate of the gRPC and HTTP endpoints; changes take effect at once");
    private readonly Option<string?> _tlsKey = Text("--tls-key", "FILE", "its private key");
    private readonly Option<string?> _tlsClientCa = Text("--tls-client-ca", "FILE", "a certificate of this authority is a credential too; OU=operator makes an operator");
    private readonly Option<string?> _clusterCert = Text("--cluster-cert", "FILE", "PEM certificate of this node among the nodes: all traffic between machines is encrypted");
    private readonly Option<string?> _clusterKey = Text("--cluster-key", "FILE", "its private key");
    private readonly Option<string?> _clusterCa = Text("--cluster-ca", "FILE", "authority of all nodes' certificates");
    private readonly Option<string?> _detachTtl = Text(
        "--detach-ttl", "TIME", $"how long a sequence waits for a client that has gone; default {ServeOptions.DefaultDetachTtl}");
    private readonly Option<string?> _drainTimeout = Text(
        "--drain-timeout", "TIME", $"how long a node that is told to stop hands over its groups and streams; default {ServeOptions.DefaultDrainTimeout}");
    private readonly Option<int?> _threads = Number("--threads", "threads that compute; default all cores");
    private readonly Option<int?> _prefillChunk = Number(
        "--prefill-chunk", "most prompt tokens of a step in which other streams wait for their next token: small for even streams, large for early first tokens; default 64");
    private readonly Option<int?> _kvBlocks = Number("--kv-blocks", "KV cache in blocks of 64 positions, instead of --kv-memory");
    private readonly Option<int?> _context = Number("--context-length", "most tokens of prompt and answer together; default the model's, at most 32768");
    private readonly Option<int?> _minExperts = Number("--min-expert-nodes", "place groups only when so many expert nodes are there; default 1");

    private readonly Option<int?> _replicas = Number(
        "--replicas", $"nodes that hold each expert group, so that one may fail; the same on every node; default {ServeOptions.DefaultReplicas}, as far as there are nodes");

    private readonly Option<int?> _maxGroups = Number("--max-groups", "most expert groups this node takes, 1 to 1024; default no limit");
    private readonly Option<string?> _warm = Text(
        "--warm", "auto|on|off", "read a group's weights once before it serves; auto: as long as memory holds them, others are mapped only; default auto");

    private readonly Option<string?> _launcher = Text(
        "--launcher", "none|local|command", "what starts nodes for 'pangu scale' where this node is coordinator: processes of this machine, or commands of yours; default none");
    private readonly Option<string?> _autoscale = Text(
        "--autoscale", "MIN-MAX", "the cluster grows when requests wait or KV caches fill up, and shrinks when they do not; the same on every node; default off");
    private readonly Option<string?> _autoscaleWait = Text("--autoscale-wait", "TIME", "a queue that lasts longer makes the cluster grow; default 2s");
    private readonly Option<string?> _autoscaleKv = Text("--autoscale-kv", "PERCENT", "KV caches in use above this make the cluster grow; default 85");
    private readonly Option<string?> _autoscaleCooldown = Text("--autoscale-cooldown", "OUT,IN", "after a change, before the cluster grows and before it shrinks; default 30s,5m");
    private readonly Option<string?> _launchFolder = Text("--launch-folder", "DIR", "where a local launcher keeps track of its nodes, one folder for a cluster; default in --data");
    private readonly Option<string?> _startNode = Text("--start-node-command", "COMMAND", "starts node $PANGU_NODE_ID, which is to join $PANGU_SEED_NODES");
    private readonly Option<string?> _stopNode = Text("--stop-node-command", "COMMAND", "sees to it that nothing is left of node $PANGU_NODE_ID, which has left the cluster");
    private readonly Option<int?> _startNice = Number(
        "--start-nice",
        "lower the CPU priority by so much, 0 to 19, until the node joins, where this user may raise it again; "
        + $"default 0, of nodes that a local launcher starts {LaunchOptions.DefaultStartNice}");
    private readonly Option<int?> _exitWithProcess = new("--exit-with-process")
    {
        Description = "stop when that process has ended", HelpName = "PID", Hidden = true,
    };

    private readonly Option<string[]?> _seeds = new("--seed-node")
    {
        Description = "cluster address of a node to join; may be given several times, the same list to every node: the first of it starts the cluster", HelpName = "HOST:PORT",
    };

    private readonly Option<string[]?> _roles = new("--roles")
    {
        Description = "decoder, expert, gateway; default all three", HelpName = "ROLE,ROLE,...",
    };

    private readonly Option<bool> _exitWithStdin = new("--exit-with-stdin")
    {
        Description = "stop when standard input ends: a parent that dies takes this node with it", Hidden = true,
    };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_model, _grpc, _http, _cluster, _seeds, _roles, _data, _config, _format, _kv, _kernels, _threads,
            _kvMemory, _fetchRate, _kvBlocks, _context, _prefixCache, _prefillChunk, _minExperts, _replicas, _maxGroups, _warm, _journal, _keepSessions, _nodeId, _detachTtl, _drainTimeout, _logLevel, _advertise,
            _apiKeys, _tlsCert, _tlsKey, _tlsClientCa, _clusterCert, _clusterKey, _clusterCa, _launcher, _autoscale, _autoscaleWait, _autoscaleKv, _autoscaleCooldown, _launchFolder, _startNode, _stopNode, _startNice, _exitWithStdin, _exitWithProcess])
            command.Options.Add(option);
    }

    public bool ExitsWithStdin(ParseResult parsed) => parsed.GetValue(_exitWithStdin);

    /// <summary>The process this node must not outlive, or null.</summary>
    public int? ExitsWithProcess(ParseResult parsed) => parsed.GetValue(_exitWithProcess);

    /// <exception cref="OptionException">Names the option, its value and what would do.</exception>
    public ServeOptions Read(ParseResult parsed)
    {
        var said = new ServeOverrides
        {
            Model = parsed.GetValue(_model),
            Http = parsed.GetValue(_http),
            Grpc = parsed.GetValue(_grpc),
            Cluster = parsed.GetValue(_cluster),
            SeedNodes = Given(parsed.GetValue(_seeds)),
            Roles = Given(parsed.GetValue(_roles)),
            Data = parsed.GetValue(_data),
            Format = parsed.GetValue(_format),
            Kv = parsed.GetValue(_kv),
            Kernels = parsed.GetValue(_kernels),
            Threads = parsed.GetValue(_threads),
            FetchRate = parsed.GetValue(_fetchRate),
            KvMemory = parsed.GetValue(_kvMemory),
            PrefillChunk = parsed.GetValue(_prefillChunk),
            KvBlocks = parsed.GetValue(_kvBlocks),
            ContextLength = parsed.GetValue(_context),
            PrefixCache = parsed.GetValue(_prefixCache),
            MinExpertNodes = parsed.GetValue(_minExperts),
            Replicas = parsed.GetValue(_replicas),
            MaxGroups = parsed.GetValue(_maxGroups),
            Warm = parsed.GetValue(_warm),
            Launcher = parsed.GetValue(_launcher),
            Autoscale = parsed.GetValue(_autoscale),
            AutoscaleWait = parsed.GetValue(_autoscaleWait),
            AutoscaleKv = parsed.GetValue(_autoscaleKv),
            AutoscaleCooldown = parsed.GetValue(_autoscaleCooldown),
            LaunchFolder = parsed.GetValue(_launchFolder),
            StartNodeCommand = parsed.GetValue(_startNode),
            StopNodeCommand = parsed.GetValue(_stopNode),
            StartNice = parsed.GetValue(_startNice),
            Journal = parsed.GetValue(_journal),
            KeepSessions = parsed.GetValue(_keepSessions),
            NodeId = parsed.GetValue(_nodeId),
            LogLevel = parsed.GetValue(_logLevel),
            Advertise = parsed.GetValue(_advertise),
            ApiKeys = parsed.GetValue(_apiKeys),
            TlsCert = parsed.GetValue(_tlsCert),
            TlsKey = parsed.GetValue(_tlsKey),
            TlsClientCa = parsed.GetValue(_tlsClientCa),
            ClusterCert = parsed.GetValue(_clusterCert),
            ClusterKey = parsed.GetValue(_clusterKey),
            ClusterCa = parsed.GetValue(_clusterCa),
            DetachTtl = parsed.GetValue(_detachTtl),
            DrainTimeout = parsed.GetValue(_drainTimeout),
        };
        var file = parsed.GetValue(_config) is { } config ? ServeOverrides.Read(config) : new ServeOverrides();
        return ServeOptions.From(said.Over(file));
    }

    private static string[]? Given(string[]? values) => values is { Length: > 0 } ? values : null;

    private static Option<string?> Text(string name, string value, string description) => new(name) { Description = description, HelpName = value };

    private static Option<int?> Number(string name, string description) => new(name) { Description = description, HelpName = "N" };
}
