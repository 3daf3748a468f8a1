using PanguCluster.Actors.Sessions.Journal;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Tests.Sessions.Databases;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tokenization;
using Xunit;

namespace PanguCluster.Actors.Tests.Streams;

/// <summary>Nodes of one cluster that record their sessions in one file, and answers that last a while.</summary>
public sealed class RecordedCluster : IAsyncDisposable
{
    private static readonly PanguTokenizer Tokenizer = PanguTokenizer.Open(RepositoryFiles.Path("models", "pangu-nano"));
    private static readonly SamplingParameters Warm = new() { Temperature = 0.9f, Seed = 17, Logprobs = 2 };

    private readonly SqliteJournals _journals = new();
    private readonly JournalOptions _journal;
    private readonly Func<int, PanguNodeSetup, PanguNodeSetup> _adjust;

    private RecordedCluster(Func<int, PanguNodeSetup, PanguNodeSetup> adjust)
    {
        _adjust = adjust;
        _journal = _journals.Create();
    }

    public List<TestNode> Nodes { get; } = [];

    public FaultyKernels Kernels { get; } = new() { Pace = TimeSpan.FromMilliseconds(2) };

    /// <param name="ready">Wait until all groups are ready.</param>
    public static async Task<RecordedCluster> Start(int nodes, Func<int, PanguNodeSetup, PanguNodeSetup>? adjust = null, bool ready = true)
    {
        var cluster = new RecordedCluster(adjust ?? ((_, s) => s));
        await cluster.StartNodes(nodes, ready);
        return cluster;
    }

    /// <summary>More nodes, on the same journal; a cluster of their own if nobody is left.</summary>
    public async Task StartNodes(int count, bool ready = true)
    {
        string[] seeds = [.. Nodes.Take(1).Select(n => n.Address)];
        for (int i = 0; i < count; i++)
        {
            var setup = TestNode.Setup($"n{Nodes.Count}", TestModel.Bf16) with
            {
                Kernels = Kernels, Tokenizer = Tokenizer, Journal = _journal, SeedNodes = seeds,
                ExtraHocon = "akka.coordinated-shutdown.run-by-actor-system-terminate = off",
            };
            Nodes.Add(await TestNode.Start(_adjust(Nodes.Count, setup)));
            seeds = [Nodes[0].Address];
        }
        if (ready)
            await Eventually.Holds(() => Nodes.All(n => n.AllReady && n.Snapshot.Nodes.Count == Nodes.Count), "all groups ready on all nodes", 30);
    }

    /// <summary>As a killed process would: no leaving, no goodbye.</summary>
    public async Task Kill(TestNode node)
    {
        Nodes.Remove(node);
        await node.Kill();
    }

    public IStreamCall Start(int node, GenerationRequest request) => Nodes[node].Node.Gateway.Start(request);

    public IStreamCall Resume(int node, GenerationRequest request, params int[] next) =>
        Nodes[node].Node.Gateway.Resume(new ResumeRequest(request.SessionId, next, request.Owner, null));

    /// <summary>A request of every feature's kind, with a session id of its own.</summary>
    public static GenerationRequest Request(string kind, int maxTokens = 100)
    {
        var request = new GenerationRequest(
            $"{kind}-{Guid.NewGuid():N}", [.. Enumerable.Range(0, 70).Select(i => i * 29 % 197 + 1)], maxTokens, Warm, [], [], null)
        {
            NamedByCaller = true, Owner = "me",
        };
        return kind switch
        {
            "plain" => request,
            "choices" => request with { Choices = 2 },
            "echo" => request with { Echo = true, Choices = 2 },
            "stops" => request with { StopStrings = Stops.Value },
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
    }

    /// <summary>The events of an undisturbed run on one node, as seen under the request's own session id.</summary>
    public static async Task<List<StreamEvent>> Undisturbed(GenerationRequest request)
    {
        var events = await Transcripts.Read(Solo.Value.Result.Node.Gateway.Start(request with { SessionId = Guid.NewGuid().ToString("N") }));
        return [.. events.Select(e => e is StreamEvent.Accepted a ? a with { SessionId = request.SessionId } : e)];
    }

    private static readonly Lazy<Task<TestNode>> Solo = new(async () =>
    {
        var node = await TestNode.Start(TestNode.Setup("solo", TestModel.Bf16) with { Tokenizer = Tokenizer });
        await node.Ready();
        return node;
    });

    /// <summary>One that comes late and across token borders, and others that only ever begin, so that text is held back often.</summary>
    private static readonly Lazy<string[]> Stops = new(() =>
    {
        var tokens = Undisturbed(Request("plain")).Result.OfType<StreamEvent.Token>().ToArray();
        string text = string.Concat(tokens.Select(t => t.Text));
        string before = string.Concat(tokens.Take(60).Select(t => t.Text));
        for (int length = 3; ; length++)
        {
            string stop = text.Substring(before.Length - 1, length);
            if (text.IndexOf(stop, StringComparison.Ordinal) == before.Length - 1)
                return [stop, .. text[..40].Distinct().Select(c => c + "never")];
        }
    });

    public async ValueTask DisposeAsync()
    {
        Kernels.Gate.Set();
        await Task.WhenAll(Nodes.Select(n => n.DisposeAsync().AsTask()));
        _journals.Dispose();
    }
}
