using PanguCluster.Chaos.Processes;
using System.Globalization;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Cluster;
using PanguCluster.Actors;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Sessions.Journal;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Kernels.Managed;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Benchmarks;

/// <summary>
/// How long a new request waits until it is on disk, and what recording costs: <c>-- sessions JOURNAL [ROUNDS [HOCON]]</c>, JOURNAL as for
/// <c>pangu serve --journal</c>, or postgres: a server of its own. Rates also as a part of what the disk's fsync allows without group commit. Not
/// BenchmarkDotNet's kind: the figure is a distribution under a given number of openings at once.
/// </summary>
internal static class SessionOpenings
{
    public static async Task Run(string[] args)
    {
        string folder = Directory.CreateTempSubdirectory("pangu-sessions-").FullName;
        try
        {
            string place = args.Length > 0 ? args[0] : "sqlite";
            using var database = place == "postgres" ? PostgresServer.Start() : null;
            var journal = JournalOptions.Parse(database?.ConnectionString(database.CreateDatabase()) ?? place, folder);
            int rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 10;
            var (system, region, book) = await Start(journal, folder, args.Length > 2 ? args[2] : "");
            Console.WriteLine($"{journal.Kind}; milliseconds until acknowledged; an opening starts the session's actor");
            await Opens(system, region, 64, 10, 0); // warm
            double syncs = Syncs(folder);
            await Opens(system, region, 1, rounds * 40, syncs);
            await Opens(system, region, 8, rounds * 8, syncs);
            await Opens(system, region, 64, rounds, syncs);
            await Records(system, region, 32, rounds * 5);
            await Listings(book);
            await SessionFootprint.Run(system, region);
            Syncs(folder); // the machine's speed changes: how far, is a part of the answer
            await system.Terminate();
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<(ActorSystem System, IActorRef Region, ISessionBook Book)> Start(JournalOptions journal, string folder, string hocon)
    {
        var shape = new ModelShape
        {
            VocabSize = 199, HiddenSize = 32, Layers = 1, Heads = 4, KvHeads = 2, Experts = 32, ExpertsPerToken = 16, Groups = 8,
            ExpertIntermediate = 24, SharedIntermediate = 32, RmsNormEpsilon = 1e-5f, RopeTheta = 10000, MaxPositions = 512,
        };
        var model = RandomModel.Write(Path.Combine(folder, "model"), shape, PackFormat.Bf16, 1);
        var setup = new PanguNodeSetup { NodeId = "bench", Model = model, Kernels = new ManagedKernels(), Journal = journal, ExtraHocon = hocon };
        JournalSetup.Prepare(journal);
        var bootstrap = ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(PanguNodeHocon.Of(setup)));
        if (JournalSetup.Of(journal) is { } connection)
            bootstrap = bootstrap.And(connection);
        var system = ActorSystem.Create(PanguNode.SystemName, bootstrap);
        var streams = new StreamSettings(
            model.Manifest, null, new ClusterView(model.Manifest, 1), new(), StreamOptions.Default, new StreamCounters(), TimeProvider.System);
        var node = new SessionNode(journal, SessionOptions.Default with { Silence = SessionFootprint.Silence }, streams);
        var region = node.Start(system, keeps: true);
        Cluster.Get(system).Join(Cluster.Get(system).SelfAddress);
        return (system, region, node.Book);
    }

    /// <summary>Pages appended to a file and brought to the disk one by one: what a database could do with a commit for each event.</summary>
    private static double Syncs(string folder)
    {
        string path = Path.Combine(folder, "syncs");
        var took = new List<double>();
        long began = TimeProvider.System.GetTimestamp();
        using (var file = File.Create(path, 1))
        {
            byte[] page = new byte[4096];
            while (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(1.5))
            {
                long start = TimeProvider.System.GetTimestamp();
                file.Write(page);
                file.Flush(flushToDisk: true);
                took.Add(TimeProvider.System.GetElapsedTime(start).TotalMilliseconds);
            }
        }
        File.Delete(path);
        double rate = took.Count / TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        Print("fsync of an appended page", took, rate);
        return rate;
    }

    private static async Task Opens(ActorSystem system, IActorRef region, int atOnce, int rounds, double syncs)
    {
        var took = new List<double>();
        long began = TimeProvider.System.GetTimestamp();
        for (int round = 0; round < rounds; round++)
            took.AddRange(await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => Play(system, region, 0))));
        double rate = took.Count / TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        if (syncs > 0)
            Print($"{atOnce} openings at once ({(rate / syncs).ToString("0.00", CultureInfo.InvariantCulture)} of fsync)", took, rate);
    }

    /// <summary>Streams that wait for each acknowledgement before they record their next 32 tokens: the most that the journal takes.</summary>
    private static async Task Records(ActorSystem system, IActorRef region, int streams, int batches)
    {
        long began = TimeProvider.System.GetTimestamp();
        double[] took = await Task.WhenAll(Enumerable.Range(0, streams).Select(_ => Play(system, region, batches)));
        Print($"{streams} streams, a batch of 32 tokens", [.. took.Select(t => t / batches)], streams * batches / TimeProvider.System.GetElapsedTime(began).TotalSeconds);
    }

    private static async Task Listings(ISessionBook book)
    {
        var took = new List<double>();
        int sessions = 0;
        for (int i = 0; i < 50; i++)
        {
            long start = TimeProvider.System.GetTimestamp();
            sessions = (await book.ListAsync("", i == 0 ? 10_000 : 100, CancellationToken.None)).Sessions is { Count: > 100 } all ? all.Count : sessions;
            took.Add(TimeProvider.System.GetElapsedTime(start).TotalMilliseconds);
        }
        Print($"the newest 100 of {sessions} listed", took, 1000 / took.Average());
    }

    private static void Print(string what, List<double> took, double rate)
    {
        took.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what,-42} p50 {took[took.Count / 2],7:0.00}  p99 {took[took.Count * 99 / 100],7:0.00}  max {took[^1],7:0.00}  {rate,6:0}/s"));
    }

    internal static async Task<double> Play(ActorSystem system, IActorRef region, int batches, string? id = null)
    {
        var done = new TaskCompletionSource<double>(TaskCreationOptions.RunContinuationsAsynchronously);
        var stream = system.ActorOf(Props.Create(() => new Stream(id ?? Guid.NewGuid().ToString("N"), region, batches, done)));
        double took = await done.Task;
        system.Stop(stream);
        return took;
    }

    private sealed class Stream(string id, IActorRef region, int batches, TaskCompletionSource<double> done) : UntypedActor
    {
        private readonly RecordedToken[] _tokens = [.. Enumerable.Range(0, 32).Select(i => new RecordedToken(i * 100, float.NaN, null))];
        private long _start = TimeProvider.System.GetTimestamp();

        protected override void PreStart() => region.Tell(new SessionProtocol.Open(
            id,
            new SessionRecord(new int[512], 1 << 20, new SamplingParameters(), true, [], [], 1, false, false, "", "digest", 1, TimeProvider.System.GetUtcNow()),
            Self,
            "bench"));

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case SessionProtocol.Opened when batches > 0:
                    _start = TimeProvider.System.GetTimestamp();
                    Record(0);
                    break;
                case SessionProtocol.Opened:
                case SessionProtocol.Recorded recorded when recorded.Count == batches * 32:
                    done.TrySetResult(TimeProvider.System.GetElapsedTime(_start).TotalMilliseconds);
                    break;
                case SessionProtocol.Recorded recorded:
                    Record(recorded.Count);
                    break;
                default:
                    done.TrySetException(new InvalidOperationException(message.ToString()));
                    break;
            }
        }

        private void Record(int first) => region.Tell(new SessionProtocol.Record(id, 1, "bench", 0, first, _tokens));
    }
}
