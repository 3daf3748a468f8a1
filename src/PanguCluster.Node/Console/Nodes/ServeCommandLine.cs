using System.CommandLine;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary>The options of <c>pangu serve</c> as System.CommandLine has them; <see cref="ServeOptions"/> judges their values.</summary>
public sealed class ServeCommandLine
{
    private readonly Option<string?> _model = Text("--model", "DIR", $"packed model or Hugging Face checkpoint; default {ServeOptions.DefaultModel}");
    private readonly Option<string?> _http = Text("--http", "HOST:PORT", $"health endpoints; default {ServeOptions.DefaultHttp}");
    private readonly Option<string?> _grpc = Text("--grpc", "HOST:PORT", $"gRPC services; default {ServeOptions.DefaultGrpc}");
    private readonly Option<string?> _cluster = Text("--cluster", "HOST:PORT", $"where other nodes reach this one; default {ServeOptions.DefaultCluster}");
    private readonly Option<string?> _data = Text("--data", "DIR", $"packed models are kept here; default {ServeOptions.DefaultData()}");
    private readonly Option<string?> _config = Text("--config", "FILE", "JSON file with any of these options in snake_case; the command line is stronger");
    private readonly Option<string?> _format = Text("--format", "bf16|w8a8|w4a8", "how a checkpoint is packed; default bf16");
    private readonly Option<string?> _kernels = Text("--kernels", "native|managed", "C++ kernels, or the slow reference with the same bits; default native");
    private readonly Option<string?> _kvMemory = Text(
        "--kv-memory", "SIZE", "memory of the KV cache, like 512MiB; default a quarter of what is free, at most 4 GiB");
    private readonly Option<string?> _prefixCache = Text(
        "--prefix-cache", "on|off", "share the KV blocks of equal prefixes; the answers are the same either way; default on");
    private readonly Option<string?> _nodeId = Text("--node-id", "ID", "name of the node; default node-PORT");
    private readonly Option<string?> _logLevel = Text("--log-level", "LEVEL", "default warning");
    private readonly Option<string?> _detachTtl = Text(
        "--detach-ttl", "TIME", $"how long a sequence waits for a client that has gone; default {ServeOptions.DefaultDetachTtl}");
    private readonly Option<int?> _threads = Number("--threads", "threads that compute; default all cores");
    private readonly Option<int?> _kvBlocks = Number("--kv-blocks", "KV cache in blocks of 64 positions, instead of --kv-memory");
    private readonly Option<int?> _context = Number("--context-length", "most tokens of prompt and answer together; default the model's, at most 32768");
    private readonly Option<int?> _minExperts = Number("--min-expert-nodes", "place groups only when so many expert nodes are there; default 1");

    private readonly Option<string[]?> _seeds = new("--seed-node")
    {
        Description = "cluster address of a node to join; may be given several times", HelpName = "HOST:PORT",
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
        foreach (Option option in (Option[])[_model, _grpc, _http, _cluster, _seeds, _roles, _data, _config, _format, _kernels, _threads,
            _kvMemory, _kvBlocks, _context, _prefixCache, _minExperts, _nodeId, _detachTtl, _logLevel, _exitWithStdin])
            command.Options.Add(option);
    }

    public bool ExitsWithStdin(ParseResult parsed) => parsed.GetValue(_exitWithStdin);

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
            Kernels = parsed.GetValue(_kernels),
            Threads = parsed.GetValue(_threads),
            KvMemory = parsed.GetValue(_kvMemory),
            KvBlocks = parsed.GetValue(_kvBlocks),
            ContextLength = parsed.GetValue(_context),
            PrefixCache = parsed.GetValue(_prefixCache),
            MinExpertNodes = parsed.GetValue(_minExperts),
            NodeId = parsed.GetValue(_nodeId),
            LogLevel = parsed.GetValue(_logLevel),
            DetachTtl = parsed.GetValue(_detachTtl),
        };
        var file = parsed.GetValue(_config) is { } config ? ServeOverrides.Read(config) : new ServeOverrides();
        return ServeOptions.From(said.Over(file));
    }

    private static string[]? Given(string[]? values) => values is { Length: > 0 } ? values : null;

    private static Option<string?> Text(string name, string value, string description) => new(name) { Description = description, HelpName = value };

    private static Option<int?> Number(string name, string description) => new(name) { Description = description, HelpName = "N" };
}
