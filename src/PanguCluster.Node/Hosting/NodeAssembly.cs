using Akka.Hosting;
using Microsoft.Extensions.Logging.Console;
using PanguCluster.Actors;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tokenization;
using PanguCluster.Native;
using PanguCluster.Node.Console;
using PanguCluster.Node.Launch;
using PanguCluster.Node.Options;
using PanguCluster.Node.Security;
using PanguCluster.Node.Services;
using AkkaLevel = Akka.Event.LogLevel;
using SessionOptions = PanguCluster.Actors.Sessions.SessionOptions;

namespace PanguCluster.Node.Hosting;

/// <summary>Puts a node together: model, kernels, actors, edge.</summary>
public static class NodeAssembly
{
    /// <exception cref="ModelFormatException">The tokenizer is damaged.</exception>
    /// <exception cref="CommandFailedException">This machine lacks the kernels that were asked for.</exception>
    public static WebApplication Build(ServeOptions options, PackedModel packed, DecoderOptions decoder)
    {
        var tokenizer = packed.Manifest.HasTokenizer ? PanguTokenizer.Open(packed.Folder) : null;
        // Nothing ambient: no appsettings.json, no ASPNETCORE_URLS. What a node does is in its options.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        AddLogging(builder.Logging, options.LogLevel);
        builder.Services.AddSingleton<IHostLifetime, CommandLifetime>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(15));
        builder.Services.AddSingleton(new ServedModel(
            packed.Manifest, decoder.MaxPositions, tokenizer is null ? null : new TokenizerCodec(tokenizer, packed.Manifest.Chat)));
        var exit = new NodeExit();
        builder.Services.AddSingleton(exit).AddSingleton<NodeDrain>();
        builder.Services.AddPanguNode(Setup(options, packed, decoder, tokenizer) with { Leave = exit.Leave, Refused = exit.Refuse }, akka => akka.ConfigureLoggers(log =>
        {
            log.ClearLoggers();
            log.LogLevel = AkkaLevelOf(options.LogLevel);
            log.AddLoggerFactory();
        }));
        builder.AddEdge(new NodeIdentity(options.NodeId), options.Http, options.HasRole(NodeRoles.Gateway) ? options.Grpc : null,
            NodeSecurity.Edge(options.Security));
        var app = builder.Build();
        app.MapEdge();
        return app;
    }

    private static PanguNodeSetup Setup(ServeOptions options, PackedModel packed, DecoderOptions decoder, PanguTokenizer? tokenizer)
    {
        var threads = ThreadShares.Of(options.Threads, packed.Shape.Groups, options.MinExpertNodes);
        return new PanguNodeSetup
        {
            NodeId = options.NodeId,
            Model = packed,
            Kernels = OpenKernels(options.Kernels),
            Tokenizer = tokenizer,
            Host = options.Cluster.Host,
            Port = options.Cluster.Port,
            AdvertisedHost = options.Advertise,
            Credentials = NodeSecurity.Cluster(options.Security),
            Links = new Actors.Links.LinkOptions(Host: options.Cluster.Host),
            Fetch = ClusterModel.Fetch(options),
            SeedNodes = options.SeedNodes,
            Roles = options.Roles,
            Decoder = decoder,
            TrunkThreads = threads.Trunk,
            ExpertThreads = threads.Experts,
            GroupThreads = threads.Group,
            MinExpertNodes = options.MinExpertNodes,
            Replicas = options.Replicas,
            MaxGroups = options.MaxGroups ?? int.MaxValue,
            Warm = options.Warm,
            WeightMemory = WeightMemory.Available,
            Launcher = Launchers.Of(options.Launch),
            Autoscale = options.Autoscale,
            Journal = options.Journal,
            Sessions = SessionOptions.Default with { Keep = options.KeepSessions },
            Streams = StreamOptions.Default with { DetachTtl = options.DetachTtl },
            GrpcAddress = options.HasRole(NodeRoles.Gateway) ? GrpcAddress(options) : "",
        };
    }

    private static string GrpcAddress(ServeOptions options) => options is { Grpc.IsWildcard: true, Advertise: { } host }
        ? $"{(host.Contains(':') ? $"[{host}]" : host)}:{options.Grpc.Port}"
        : options.Grpc.ToString();

    private static IKernels OpenKernels(KernelChoice choice)
    {
        if (choice == KernelChoice.Managed)
            return new ManagedKernels();
        try
        {
            return NativeKernels.Create();
        }
        catch (Exception missing) when (missing is PlatformNotSupportedException or DllNotFoundException)
        {
            throw new CommandFailedException(
                ExitCodes.Failed,
                $"the native kernels cannot be used: {missing.Message} (--kernels managed works everywhere, slowly)",
                missing);
        }
    }

    /// <summary>Logs go to stderr: stdout is for data.</summary>
    private static void AddLogging(ILoggingBuilder logging, LogLevel level)
    {
        logging.SetMinimumLevel(level);
        // A node that is not ready yet is no error; /readyz and grpc.health.v1 tell it to whoever asks.
        logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        logging.AddSimpleConsole(format =>
        {
            format.SingleLine = true;
            format.ColorBehavior = LoggerColorBehavior.Disabled;
            format.TimestampFormat = "HH:mm:ss.fff ";
        });
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }

    private static AkkaLevel AkkaLevelOf(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => AkkaLevel.DebugLevel,
        LogLevel.Information => AkkaLevel.InfoLevel,
        LogLevel.Warning => AkkaLevel.WarningLevel,
        _ => AkkaLevel.ErrorLevel,
    };
}
