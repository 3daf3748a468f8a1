using PanguCluster.Chaos.Processes;
using System.Diagnostics;
using System.Globalization;
using PanguCluster.Client;
using PanguCluster.Model.Packing;
using PanguCluster.Node.Bench;
using PanguCluster.Node.Local;

namespace PanguCluster.Benchmarks;

/// <summary>
/// What recording costs those who wait for tokens: <c>-- journal-cost [MODEL [ROUNDS [JOURNAL...]]]</c>. One <c>pangu serve</c> for every journal, and
/// one with the memory journal to compare with, all up on the same model at the same time, loaded in turns by the same clients. MODEL is a folder or a
/// shape of <c>pangu bench --shape</c>; JOURNAL as for <c>--journal</c>, or postgres: a server of its own. Ratios within a round, so that a machine
/// whose speed changes does not show.
/// </summary>
internal static class JournalCost
{
    private const int Batch = 32;
    private const int AnswerTokens = 128;
    private const int PromptTokens = 64;
    private const int SingleRequests = 40;

    public static async Task Run(string[] args)
    {
        string model = args.Length > 0 ? args[0] : "small";
        int rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 7;
        string[] journals = ["memory", .. args.Length > 2 ? args[2..] : ["sqlite"]];
        using var random = BenchShapes.Names.Contains(model)
            ? TemporaryModel.Write(model, BenchShapes.Of(model, BenchShapes.DefaultLayers(model, quick: false)), PackFormat.W8A8, (_, _, _) => { }, default)
            : null;
        using var database = journals.Contains("postgres") ? PostgresServer.Start() : null;
        var nodes = new List<Node>();
        try
        {
            foreach (string journal in journals)
                nodes.Add(await Node.Start(journal, random?.Model.Folder ?? Path.GetFullPath(model), database));
            foreach (var node in nodes)
                await node.Measure();
            var results = new List<Figures[]>();
            for (int round = 0; round < rounds; round++)
            {
                var figures = new Figures[nodes.Count];
                for (int i = 0; i < nodes.Count; i++)
                {
                    int turn = (i + round) % nodes.Count;
                    figures[turn] = await nodes[turn].Measure();
                }
                results.Add(figures);
            }
            Print(model, nodes, results);
        }
        finally
        {
            foreach (var node in nodes)
                node.Dispose();
        }
    }

    private static void Print(string model, List<Node> nodes, List<Figures[]> rounds)
    {
        Console.WriteLine($"{model}: {rounds.Count} rounds of {Batch} streams of up to {AnswerTokens} tokens and {SingleRequests} requests one by one, prompts of {PromptTokens}");
        Console.WriteLine("median of the rounds (least to most)");
        for (int n = 0; n < nodes.Count; n++)
        {
            Console.WriteLine($"{nodes[n].Journal}:");
            Line("  decode tokens/s", rounds.Select(r => r[n].DecodeRate), "0");
            Line("  first token, alone, p50 ms", rounds.Select(r => r[n].Alone.P50), "0.00");
            Line("  first token, alone, p99 ms", rounds.Select(r => r[n].Alone.P99), "0.00");
            Line($"  first token, {Batch} at once, p50 ms", rounds.Select(r => r[n].Together.P50), "0.00");
            Line($"  first token, {Batch} at once, p99 ms", rounds.Select(r => r[n].Together.P99), "0.00");
            if (n == 0)
                continue;
            Line("  decode against memory, %", rounds.Select(r => 100 * ((r[n].DecodeRate / r[0].DecodeRate) - 1)), "+0.0;-0.0");
            Line("  first token alone against memory, p50 ms", rounds.Select(r => r[n].Alone.P50 - r[0].Alone.P50), "+0.00;-0.00");
            Line("  first token alone against memory, p99 ms", rounds.Select(r => r[n].Alone.P99 - r[0].Alone.P99), "+0.00;-0.00");
            Line($"  first token {Batch} at once against memory, p50 ms", rounds.Select(r => r[n].Together.P50 - r[0].Together.P50), "+0.00;-0.00");
        }
    }

    private static void Line(string what, IEnumerable<double> values, string format)
    {
        double[] sorted = [.. values.Order()];
        string Show(double value) => value.ToString(format, CultureInfo.InvariantCulture);
        Console.WriteLine($"{what,-50} {Show(sorted[sorted.Length / 2]),9} ({Show(sorted[0])} to {Show(sorted[^1])})");
    }

    /// <param name="DecodeRate">Tokens per second of all streams together, after each one's first.</param>
    /// <param name="Alone">Milliseconds to the first token with nobody else on the node.</param>
    /// <param name="Together">The same of all streams begun at once.</param>
    private sealed record Figures(double DecodeRate, LatencySummary Alone, LatencySummary Together);

    /// <summary>One serving process.</summary>
    private sealed class Node : IDisposable
    {
        private readonly Process _process;
        private readonly string _folder;
        private readonly string _grpc;

        private Node(string journal, Process process, string folder, string grpc)
        {
            Journal = journal;
            _process = process;
            _folder = folder;
            _grpc = grpc;
        }

        public string Journal { get; }

        public static async Task<Node> Start(string journal, string model, PostgresServer? database)
        {
            string folder = Directory.CreateTempSubdirectory("pangu-journal-cost-").FullName;
            string[] at = [.. FreePorts.Find(1, 3, FreePorts.AnyStart, 1).Select(a => $"127.0.0.1:{a.Port}")];
            string place = journal == "postgres" ? database!.ConnectionString(database.CreateDatabase()) : journal;
            var start = new ProcessStartInfo(
                Path.Combine(AppContext.BaseDirectory, "pangu"),
                ["serve", "--model", model, "--data", folder, "--grpc", at[0], "--http", at[1], "--cluster", at[2], "--journal", place])
            {
                RedirectStandardOutput = true,
            };
            var node = new Node(journal, Process.Start(start)!, folder, at[0]);
            while (await node._process.StandardOutput.ReadLineAsync() is { } line)
                if (line.Contains("ready", StringComparison.Ordinal))
                {
                    _ = node._process.StandardOutput.ReadToEndAsync();
                    return node;
                }
            node.Dispose();
            throw new InvalidOperationException($"the node with the journal {journal} has ended");
        }

        public async Task<Figures> Measure()
        {
            var alone = await Load(1, SingleRequests, 2);
            var together = await Load(Batch, Batch, AnswerTokens);
            return new Figures(Batch * 1000 / together.Tpot.Mean, alone.Ttft, together.Ttft);
        }

        private async Task<LoadReport> Load(int clients, int requests, int tokens)
        {
            var plan = new LoadPlan(clients, requests, tokens, PromptTokens, 60);
            var report = await new LoadTest(plan, () => new PanguClient(_grpc), TimeProvider.System).RunAsync((_, _) => { }, default);
            return report.Completed == requests ? report
                : throw new InvalidOperationException($"{Journal}: {requests - report.Completed} requests failed: {string.Join("; ", report.FirstErrors.Values)}");
        }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }
}
