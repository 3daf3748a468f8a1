using Pangu.V1;

namespace PanguCluster.Client.Tests.Scripted;

/// <summary>Some servers with one script, and a client of them all.</summary>
internal sealed class Servers : IAsyncDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly List<ScriptedServer> _all = [];

    private Servers(Script script) => Script = script;

    public Script Script { get; }

    public PanguClient Client { get; private set; } = null!;

    public List<Recovery> Recoveries { get; } = [];

    public static async Task<Servers> StartAsync(int count = 2, Script? script = null, PanguClientOptions? options = null, params string[] more)
    {
        var servers = new Servers(script ?? new Script());
        for (int i = 0; i < count; i++)
            servers._all.Add(await ScriptedServer.StartAsync(servers.Script));
        servers.Client = PanguClient.Connect(options ?? Quick, [.. more, .. servers._all.Select(s => s.Address)]);
        servers.Client.Recovered += recovery =>
        {
            lock (servers.Recoveries)
                servers.Recoveries.Add(recovery);
        };
        return servers;
    }

    /// <summary>Short pauses, so that tests are quick.</summary>
    public static PanguClientOptions Quick { get; } = new()
    {
        FirstPause = TimeSpan.FromMilliseconds(1), LongestPause = TimeSpan.FromMilliseconds(20), RetryLimit = TimeSpan.FromSeconds(20), StartLimit = TimeSpan.FromSeconds(20),
    };

    public static async Task<List<GenerateEvent>> CollectAsync(IAsyncEnumerable<GenerateEvent> events)
    {
        using var late = new CancellationTokenSource(Limit);
        var all = new List<GenerateEvent>();
        await foreach (var happened in events.WithCancellation(late.Token))
            all.Add(happened);
        return all;
    }

    public Task<List<GenerateEvent>> GenerateAsync(int n = 1, bool echo = false) => CollectAsync(Client.GenerateAsync(Request(n, echo)));

    public static GenerateRequest Request(int n = 1, bool echo = false) =>
        new() { Text = "x", N = n, Echo = echo, SessionId = "s", Sampling = new Sampling { Seed = 3 } };

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        foreach (var server in _all)
            await server.DisposeAsync();
    }
}
