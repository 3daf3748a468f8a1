using System.Collections.Concurrent;
using System.Threading.Channels;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Cluster;
using Akka.Event;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Sessions.Journal;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Sampling;
using Xunit;
using static PanguCluster.Actors.Sessions.SessionProtocol;

namespace PanguCluster.Actors.Tests.Sessions;

/// <summary>A node that only keeps sessions, and streams that a test plays.</summary>
public sealed class SessionHarness : IAsyncDisposable
{
    private readonly SessionNode _node;

    private SessionHarness(ActorSystem system, SessionNode node, StreamCounters counters, ClusterView view)
    {
        System = system;
        _node = node;
        View = view;
        Counters = counters;
        Region = node.Start(system, keeps: true);
    }

    public ActorSystem System { get; }
    public IActorRef Region { get; }
    public StreamCounters Counters { get; }
    public ClusterView View { get; }
    public required JournalOptions Journal { get; init; }
    public required IReadOnlyCollection<string> Logged { get; init; }
    public ISessionBook Book => _node.Book;
    public JournalHealth Health => _node.Health;

    public static SessionOptions Quick { get; } = SessionOptions.Default with { SweepEvery = TimeSpan.FromMinutes(10) };

    public static async Task<SessionHarness> Start(JournalOptions journal, SessionOptions? options = null, SessionHarness? join = null, string hocon = "")
    {
        var setup = TestNode.Setup("sessions", TestModel.Bf16) with { Journal = journal, ExtraHocon = hocon };
        JournalSetup.Prepare(journal);
        var bootstrap = ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(PanguNodeHocon.Of(setup)));
        if (JournalSetup.Of(journal) is { } connection)
            bootstrap = bootstrap.And(connection);
        var system = ActorSystem.Create(PanguNode.SystemName, bootstrap);
        var logged = new ConcurrentQueue<string>();
        system.EventStream.Subscribe(system.ActorOf(Props.Create(() => new Listener(m => logged.Enqueue($"{m}")))), typeof(LogEvent));
        var counters = new StreamCounters();
        var view = new ClusterView(setup.Model.Manifest, 1);
        var streams = new StreamSettings(
            setup.Model.Manifest, null, view, new(), StreamOptions.Default, counters, TimeProvider.System);
        var harness = new SessionHarness(system, new SessionNode(journal, options ?? Quick, streams), counters, view) { Journal = journal, Logged = logged };
        var cluster = Cluster.Get(system);
        cluster.Join(join is null ? cluster.SelfAddress : Cluster.Get(join.System).SelfAddress);
        await Eventually.Holds(() => cluster.SelfMember.Status == MemberStatus.Up, "the node is up");
        return harness;
    }

    public static SessionRecord Request(int maxTokens = 4096, int choices = 1, string owner = "") => new(
        [1, 2, 3], maxTokens, new SamplingParameters { Seed = 7 }, false, [], [], choices, false, false, owner,
        TestModel.Bf16.Manifest.Digest, 1, DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds()));

    public static RecordedToken[] Tokens(int first, int count) =>
        [.. Enumerable.Range(first, count).Select(i => new RecordedToken(i % 199, float.NaN, null))];

    public TestStream Stream() => new(System, Region);

    /// <summary>Hands its sessions over and goes.</summary>
    public async Task Leave() => await CoordinatedShutdown.Get(System).Run(CoordinatedShutdown.ClusterLeavingReason.Instance);

    /// <summary>As a killed process would: no leaving, no goodbye.</summary>
    public async Task Kill() => await System.Terminate();

    /// <summary>The session's actor ends; the next message makes it read its journal.</summary>
    public void Forget(string id) =>
        System.ActorSelection($"/system/sharding/{SessionSharding.TypeName}/{SessionSharding.Shard(id)}/{id}").Tell(PoisonPill.Instance);

    /// <summary>The same, and it has ended when this returns.</summary>
    public async Task ForgetAsync(string id)
    {
        var entity = await System.ActorSelection($"/system/sharding/{SessionSharding.TypeName}/{SessionSharding.Shard(id)}/{id}")
            .ResolveOne(TimeSpan.FromSeconds(10));
        await entity.GracefulStop(TimeSpan.FromSeconds(10));
    }

    public async ValueTask DisposeAsync() => await System.Terminate();

    public async Task<SessionSummary> Listed(string id, SessionState state)
    {
        SessionSummary? found = null;
        await Eventually.Holds(
            () => (found = Book.ListAsync(id, 10, CancellationToken.None).GetAwaiter().GetResult().Sessions.SingleOrDefault())?.State == state,
            $"session {id} is listed as {state}");
        return found!;
    }
}

/// <summary>What a stream is to a session: somebody who says and hears things.</summary>
public sealed class TestStream
{
    private readonly Channel<object> _heard = Channel.CreateUnbounded<object>();
    private readonly ActorSystem _system;
    private readonly IActorRef _region;

    public TestStream(ActorSystem system, IActorRef region)
    {
        _system = system;
        _region = region;
        Ref = system.ActorOf(Props.Create(() => new Listener(m => _heard.Writer.TryWrite(m))));
    }

    public IActorRef Ref { get; }

    public void Say(SessionProtocol.IMessage message) => _region.Tell(message, Ref);

    public void Open(string id, SessionRecord request) => Say(new Open(id, request, Ref, "n1"));

    public void Attach(string id, string owner = "") => Say(new Attach(id, owner, Ref, "n2"));

    public async Task<T> Hears<T>(int seconds = 15)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        try
        {
            while (true)
                if (await _heard.Reader.ReadAsync(limit.Token) is T wanted)
                    return wanted;
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"no {typeof(T).Name} within {seconds} s");
            throw;
        }
    }

    /// <summary>Says it again until it is answered, as streams do.</summary>
    public async Task<T> HearsAfter<T>(SessionProtocol.IMessage message, int seconds = 30)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        while (!limit.IsCancellationRequested)
        {
            Say(message);
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
            wait.CancelAfter(TimeSpan.FromSeconds(1));
            try
            {
                while (true)
                    if (await _heard.Reader.ReadAsync(wait.Token) is T wanted)
                        return wanted;
            }
            catch (OperationCanceledException)
            {
                // Not yet.
            }
        }
        Assert.Fail($"no {typeof(T).Name} within {seconds} s");
        throw new TimeoutException();
    }

    /// <summary>What has come and nobody has waited for.</summary>
    public IEnumerable<object> Unheard()
    {
        while (_heard.Reader.TryRead(out object? message))
            yield return message;
    }

    public void Die() => _system.Stop(Ref);
}

internal sealed class Listener(Action<object> hear) : UntypedActor
{
    protected override void OnReceive(object message) => hear(message);
}
