using Akka.Actor;
using Akka.Cluster;
using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Actors.Tests.Nodes;

/// <summary>One node with real remoting and real links in this process.</summary>
public sealed class TestNode : IAsyncDisposable
{
    private readonly IHost _host;

    private TestNode(IHost host)
    {
        _host = host;
        System = host.Services.GetRequiredService<ActorSystem>();
        Node = host.Services.GetRequiredService<PanguNode>();
    }

    public ActorSystem System { get; }
    public PanguNode Node { get; }
    public string Address => $"{Cluster.Get(System).SelfAddress.Host}:{Cluster.Get(System).SelfAddress.Port}";
    public ClusterSnapshot Snapshot => Node.View.Current;

    public static PanguNodeSetup Setup(string id, PackedModel model) => new()
    {
        NodeId = id,
        Model = model,
        Kernels = new ManagedKernels(),
        Decoder = new DecoderOptions(MaxRows: 64, MaxSequences: 16, MaxWaiting: 8, KvBlocks: 64, MaxPositions: 512),
        ExpertThreads = 2,
    };

    public static async Task<TestNode> Start(PanguNodeSetup setup)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddPanguNode(setup);
        var host = builder.Build();
        await host.StartAsync();
        return new TestNode(host);
    }

    /// <summary>Three nodes that know of each other, and all groups ready on each one's table.</summary>
    public static async Task<TestNode[]> StartThree(Func<int, PanguNodeSetup> setup, int expertNodes = 3)
    {
        var first = await Start(setup(0) with { MinExpertNodes = expertNodes });
        var others = await Task.WhenAll(
            Start(setup(1) with { SeedNodes = [first.Address], MinExpertNodes = expertNodes }), Start(setup(2) with { SeedNodes = [first.Address], MinExpertNodes = expertNodes }));
        TestNode[] nodes = [first, .. others];
        await Eventually.Holds(() => nodes.All(n => n.AllReady), "all groups ready on three nodes", 30);
        return nodes;
    }

    public bool AllReady => Snapshot.Groups.Count > 0 && Snapshot.Groups.All(g => g.State == GroupInfo.Ready)
        && Snapshot.Nodes.Any(n => n.Load is not null);

    /// <summary>How many groups each node computes, fewest first.</summary>
    public int[] Spread => [.. Snapshot.Nodes.Select(n => n.Groups.Count).Order()];

    public async Task Ready() => await Eventually.Holds(() => AllReady, "all groups ready", 20);

    public GenerationRequest Request(int[] prompt, int maxTokens, SamplingParameters sampling) =>
        new(Guid.NewGuid().ToString("N"), prompt, maxTokens, sampling, [], [], null);

    public async Task<List<StreamEvent>> Generate(int[] prompt, int maxTokens, SamplingParameters sampling)
    {
        var events = new List<StreamEvent>();
        await foreach (var e in Node.Gateway.Start(Request(prompt, maxTokens, sampling)).Events.ReadAllAsync())
            events.Add(e);
        return events;
    }

    /// <summary>As a killed process would: no leaving, no goodbye.</summary>
    public async Task Kill() => await System.Terminate();

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }
}
