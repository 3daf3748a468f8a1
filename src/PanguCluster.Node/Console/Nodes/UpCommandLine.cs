using System.CommandLine;
using System.Globalization;
using PanguCluster.Node.Local;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary>The options of <c>pangu up</c>.</summary>
public sealed class UpCommandLine
{
    private readonly Option<int> _nodes = new("--nodes", "-n") { Description = "number of nodes", DefaultValueFactory = _ => 3, HelpName = "N" };
    private readonly Option<string?> _model = Text("--model", "DIR", $"packed model or Hugging Face checkpoint; default {ServeOptions.DefaultModel}");
    private readonly Option<string?> _data = Text("--data", "DIR", $"packed models are kept here; default {ServeOptions.DefaultData()}");
    private readonly Option<string?> _format = Text("--format", "bf16|w8a8|w4a8", "how a checkpoint is packed; default bf16");
    private readonly Option<string?> _kv = Text("--kv", KvTypes.Choices, "how keys and values are stored; default what the model says");
    private readonly Option<string?> _kernels = Text("--kernels", "native|managed", "default native");
    private readonly Option<string?> _kvMemory = Text("--kv-memory", "SIZE", "KV cache of each node; default a share of a quarter of what is free");
    private readonly Option<string?> _prefixCache = Text("--prefix-cache", "on|off", "share the KV blocks of equal prefixes; default on");
    private readonly Option<string?> _journal = Text("--journal", "sqlite|postgres://...|memory", "where sessions are recorded; default sqlite, a file in the --data folder");
    private readonly Option<string?> _keepSessions = Text(
        "--keep-sessions", "TIME", $"how long ended sessions can be looked at and resumed; default {ServeOptions.DefaultKeepSessions}");
    private readonly Option<string?> _detachTtl = Text(
        "--detach-ttl", "TIME", $"how long a sequence waits for a client that has gone; default {ServeOptions.DefaultDetachTtl}");
    private readonly Option<string?> _logLevel = Text("--log-level", "LEVEL", "default warning");
    private readonly Option<int?> _threads = new("--threads") { Description = "threads of each node; default its share of the cores", HelpName = "N" };
    private readonly Option<int?> _context = new("--context-length") { Description = "most tokens of prompt and answer together", HelpName = "N" };
    private readonly Option<int?> _replicas = new("--replicas") { Description = $"nodes that hold each expert group; default {ServeOptions.DefaultReplicas}", HelpName = "N" };
    private readonly Option<int> _basePort = new("--base-port")
    {
        Description = "gRPC port of the first node; the others follow in steps of 10, taken ones are skipped",
        DefaultValueFactory = _ => 7440,
        HelpName = "PORT",
    };

    private readonly Option<string?> _ask = Text("--ask", "TEXT", "a first message, whose answer is streamed once the cluster is ready");
    private readonly Option<int> _timeout = new("--timeout")
    {
        Description = "give up when the cluster is not ready after so many seconds", DefaultValueFactory = _ => 120, HelpName = "SECONDS",
    };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_nodes, _model, _data, _format, _kv, _kernels, _threads, _kvMemory, _context, _prefixCache, _replicas, _journal, _keepSessions, _detachTtl, _logLevel,
            _basePort, _timeout, _ask])
            command.Options.Add(option);
    }

    /// <exception cref="OptionException">Names the option, its value and what would do.</exception>
    public UpSettings Read(ParseResult parsed)
    {
        int nodes = ServeOptions.InRange("--nodes", parsed.GetValue(_nodes), 1, LocalPlan.MaxNodes);
        int timeout = ServeOptions.InRange("--timeout", parsed.GetValue(_timeout), 1, 86400);
        int basePort = ServeOptions.InRange("--base-port", parsed.GetValue(_basePort), 1024, 65000);
        long memory = LocalPlan.DefaultKvMemory(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, nodes);
        int? context = parsed.GetValue(_context);
        var common = ServeOptions.From(new ServeOverrides
        {
            Model = parsed.GetValue(_model),
            Data = parsed.GetValue(_data),
            Format = parsed.GetValue(_format),
            Kv = parsed.GetValue(_kv),
            Kernels = parsed.GetValue(_kernels),
            Threads = parsed.GetValue(_threads) ?? LocalPlan.DefaultThreads(Environment.ProcessorCount, nodes),
            KvMemory = parsed.GetValue(_kvMemory) ?? memory.ToString(CultureInfo.InvariantCulture),
            ContextLength = context,
            PrefixCache = parsed.GetValue(_prefixCache),
            Replicas = parsed.GetValue(_replicas),
            Journal = parsed.GetValue(_journal),
            KeepSessions = parsed.GetValue(_keepSessions),
            DetachTtl = parsed.GetValue(_detachTtl),
            LogLevel = parsed.GetValue(_logLevel),
        });
        string[] given = [.. Given(parsed, _journal), .. Given(parsed, _keepSessions), .. Given(parsed, _detachTtl)];
        return new UpSettings(nodes, common, context, given, basePort, TimeSpan.FromSeconds(timeout), parsed.GetValue(_ask));
    }

    private static string[] Given(ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option) is { } value ? [option.Name, value] : [];

    private static Option<string?> Text(string name, string value, string description) => new(name) { Description = description, HelpName = value };
}
