using PanguCluster.Model.Packing;
using PanguCluster.Node.Options;
using Xunit;

namespace PanguCluster.Node.Tests.Options;

public class ServeOptionsTests
{
    public static TheoryData<string, ServeOverrides, string[]> Wrong => new()
    {
        { "http host", new ServeOverrides { Http = "example.org:80" }, ["--http", "example.org"] },
        { "http port", new ServeOverrides { Http = "127.0.0.1:99999" }, ["--http", "65535"] },
        { "grpc no port", new ServeOverrides { Grpc = "127.0.0.1" }, ["--grpc", "HOST:PORT"] },
        { "grpc not loopback", new ServeOverrides { Grpc = "0.0.0.0:7440" }, ["--grpc", "--tls-cert and --tls-key, and --api-keys", "127.0.0.1"] },
        { "cluster not loopback", new ServeOverrides { Cluster = "10.0.0.1:7442" }, ["--cluster", "mutual TLS", "--cluster-cert, --cluster-key and --cluster-ca"] },
        { "http not loopback v6", new ServeOverrides { Http = "[::]:7441" }, ["--http", "TLS"] },
        { "shared port", new ServeOverrides { Http = "127.0.0.1:7440" }, ["--grpc", "--http", "own port"] },
        { "seed port 0", new ServeOverrides { SeedNodes = ["127.0.0.1:0"] }, ["--seed-node", "port 0"] },
        { "seed nonsense", new ServeOverrides { SeedNodes = ["x"] }, ["--seed-node", "'x'"] },
        { "role", new ServeOverrides { Roles = ["expert,router"] }, ["--roles", "router", "decoder, expert, gateway"] },
        { "no role", new ServeOverrides { Roles = [","] }, ["--roles", "none given"] },
        { "format", new ServeOverrides { Format = "int4" }, ["--format int4", "bf16, w8a8 or w4a8"] },
        { "kv", new ServeOverrides { Kv = "i8" }, ["--kv i8", "f32, bf16 or int8"] },
        { "kernels", new ServeOverrides { Kernels = "cuda" }, ["--kernels cuda", "native or managed"] },
        { "threads 0", new ServeOverrides { Threads = 0 }, ["--threads 0", "1 .. 256"] },
        { "kv memory", new ServeOverrides { KvMemory = "lots" }, ["--kv-memory lots", "512MiB"] },
        { "kv memory 0", new ServeOverrides { KvMemory = "0" }, ["--kv-memory 0"] },
        { "prefix cache", new ServeOverrides { PrefixCache = "yes" }, ["--prefix-cache yes", "on or off"] },
        { "prefill chunk", new ServeOverrides { PrefillChunk = 0 }, ["--prefill-chunk 0", "1 .. 256"] },
        { "kv blocks", new ServeOverrides { KvBlocks = 0 }, ["--kv-blocks 0"] },
        { "context", new ServeOverrides { ContextLength = 1 }, ["--context-length 1"] },
        { "node id", new ServeOverrides { NodeId = "a b" }, ["--node-id a b"] },
        { "model", new ServeOverrides { Model = "/no/such/folder" }, ["--model /no/such/folder", "no such folder"] },
        { "model of no cluster", new ServeOverrides { Model = "from-cluster" }, ["--model from-cluster", "--seed-node"] },
        { "log level", new ServeOverrides { LogLevel = "loud" }, ["--log-level loud"] },
        { "log level number", new ServeOverrides { LogLevel = "99" }, ["--log-level 99"] },
        { "detach ttl", new ServeOverrides { DetachTtl = "-1s" }, ["--detach-ttl -1s", "0s .. 365d"] },
        { "detach ttl forever", new ServeOverrides { DetachTtl = "9999d" }, ["--detach-ttl", "365d"] },
        { "drain timeout", new ServeOverrides { DrainTimeout = "2d" }, ["--drain-timeout 2d", "24h"] },
        { "journal", new ServeOverrides { Journal = "mysql" }, ["--journal", "sqlite", "postgres://", "memory"] },
        { "journal word", new ServeOverrides { Journal = "Host=h;Passwort=geheim" }, ["--journal", "PostgreSQL"] },
        { "journal no host", new ServeOverrides { Journal = "Database=x" }, ["--journal", "no host"] },
        { "keep", new ServeOverrides { KeepSessions = "forever" }, ["--keep-sessions forever", "1m .. 3650d"] },
        { "keep short", new ServeOverrides { KeepSessions = "1s" }, ["--keep-sessions 1s", "24h"] },
        { "min experts", new ServeOverrides { MinExpertNodes = 0 }, ["--min-expert-nodes 0"] },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Options_should_be_refused_with_name_and_remedy_when_wrong(string what, ServeOverrides said, string[] says)
    {
        var refused = Assert.Throws<OptionException>(() => ServeOptions.From(said));

        Assert.All(says, word => Assert.True(refused.Message.Contains(word, StringComparison.Ordinal), $"{what}: {refused.Message}"));
    }

    [Fact]
    public void Options_should_run_when_nothing_is_said()
    {
        var options = ServeOptions.From(new ServeOverrides());

        Assert.EndsWith(ServeOptions.DefaultModel, options.Model, StringComparison.Ordinal);
        Assert.Equal((ServeOptions.DefaultGrpc, ServeOptions.DefaultHttp, ServeOptions.DefaultCluster),
            (options.Grpc.ToString(), options.Http.ToString(), options.Cluster.ToString()));
        Assert.Equal(["decoder", "expert", "gateway"], options.Roles);
        Assert.Equal(("node-7442", KernelChoice.Native, null, 1), (options.NodeId, options.Kernels, options.Format, options.MinExpertNodes));
    }

    [Theory]
    [InlineData(null, true, null)]
    [InlineData("from-cluster", true, null)]
    [InlineData(".", true, ".")]
    [InlineData(".", false, ".")]
    public void Model_should_be_the_clusters_when_the_node_joins_one_and_names_none(string? said, bool joins, string? model)
    {
        var options = ServeOptions.From(new ServeOverrides { Model = said, SeedNodes = joins ? ["127.0.0.1:7442"] : null });

        Assert.Equal(model is null ? null : Path.GetFullPath(model), options.Model);
    }

    [Theory]
    [InlineData("127.0.0.1:7442", "host-1", "node-7442")]
    [InlineData("0.0.0.0:7442", "host-1", "host-1-7442")]
    [InlineData("10.0.0.1:65535", "host.example.org", "host-example-org-65535")]
    [InlineData("10.0.0.1:7442", "a-very-long-name-of-a-machine-1", "a-very-long-name-of-06e1b8-7442")]
    public void Node_should_be_named_after_its_machine_when_others_are_on_other_machines(string cluster, string host, string id)
    {
        Assert.True(NodeAddress.TryParse(cluster, out var address, out _));

        Assert.Equal(id, NodeIds.Default(address, host));
        Assert.True(id.Length <= NodeIds.MaxLength);
    }

    [Theory]
    [InlineData("postgres://pangu:ge%3Aheim@db:5433/sessions", "postgres db:5433/sessions")]
    [InlineData("Host=db;Database=sessions;Username=pangu;Password=ge:heim", "postgres db:5432/sessions")]
    [InlineData("sqlite", "sqlite /data/sessions.db")]
    [InlineData("memory", "memory")]
    public void Journal_should_print_without_its_password(string said, string printed)
    {
        var options = ServeOptions.From(new ServeOverrides { Journal = said, Data = "/data", KeepSessions = "90m" });

        Assert.Equal(printed, options.Journal.ToString());
        Assert.Equal(TimeSpan.FromMinutes(90), options.KeepSessions);
        Assert.DoesNotContain("heim", options.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Host=h;Passwort=geheim")]
    [InlineData("postgres://u:geheim@")]
    [InlineData("geheim")]
    public void Journal_should_be_refused_without_repeating_it(string said)
    {
        var refused = Assert.Throws<OptionException>(() => ServeOptions.From(new ServeOverrides { Journal = said }));

        Assert.DoesNotContain("geheim", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_should_give_way_to_the_command_line_when_both_speak()
    {
        string file = Write("""{ "threads": 3, "kv_memory": "64MiB", "roles": ["expert"], "seed_nodes": ["127.0.0.1:9"] }""");

        var options = ServeOptions.From(new ServeOverrides { Threads = 2 }.Over(ServeOverrides.Read(file)));

        Assert.Equal((2, 64L << 20), (options.Threads, options.KvMemory));
        Assert.Equal(["expert"], options.Roles);
        Assert.Equal(["127.0.0.1:9"], options.SeedNodes.Select(s => s.ToString()));
    }

    [Theory]
    [InlineData("""{ "thread": 3 }""", "thread")]
    [InlineData("""{ "threads": "three" }""", "threads")]
    [InlineData("""{ "threads": 3 """, "line 1")]
    [InlineData("null", "JSON object")]
    public void File_should_be_refused_with_the_key_when_wrong(string json, string says)
    {
        string file = Write(json);

        var refused = Assert.Throws<OptionException>(() => ServeOverrides.Read(file));

        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        Assert.Contains(file, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_should_be_refused_when_missing() =>
        Assert.Contains("--config", Assert.Throws<OptionException>(() => ServeOverrides.Read("/no/such.json")).Message, StringComparison.Ordinal);

    [Fact]
    public void Sample_file_should_be_valid_when_read()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "PanguCluster.sln")))
            folder = folder.Parent;

        var said = ServeOverrides.Read(Path.Combine(folder.FullName, "cluster-config", "serve.json"));

        Assert.NotNull(ServeOptions.From(said with { Model = null }));
    }

    [Theory]
    [InlineData("512MiB", 512L << 20)]
    [InlineData("1.5 GiB", 3L << 29)]
    [InlineData("2gb", 2_000_000_000L)]
    [InlineData("65536", 65536L)]
    [InlineData("-1", null)]
    [InlineData("MiB", null)]
    [InlineData("2TiB", null)]
    [InlineData("NaN", null)]
    public void Size_should_be_read_as_people_write_it_when_valid(string text, long? bytes) => Assert.Equal(bytes, ByteSize.Parse(text));

    private static string Write(string json)
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("pangu-options-").FullName, "serve.json");
        File.WriteAllText(file, json);
        return file;
    }
}
