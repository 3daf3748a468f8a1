using PanguCluster.Chaos.Processes;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using Pangu.V1;
using PanguCluster.Client;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

/// <summary>
/// One real node with default limits and API keys under everything at once that clients can do to it, while a good client goes on. PANGU_ABUSE_ROUNDS
/// makes it longer: a leak grows with the rounds, what pools and heaps keep does not.
/// </summary>
public sealed class AbuseTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>Own memory that pools, heaps and compiled code may keep; 100 MB of a body kept once would show, and 40 KB of each of the streams.</summary>
    private const long MemoryKept = 48 << 20;

    /// <summary>Two of a connection; as many connections as sessions are read at once.</summary>
    private const int JournalHandles = 300;

    private const int StreamsOfOneConnection = 1024;

    private static readonly int Rounds = int.Parse(Environment.GetEnvironmentVariable("PANGU_ABUSE_ROUNDS") ?? "1", CultureInfo.InvariantCulture);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static readonly byte[] Http2Start = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];

    /// <summary>A header frame of 64 bytes of which one has come.</summary>
    private static readonly byte[] HalfFrame = [.. Http2Start, 0, 0, 64, 1, 4, 0, 0, 0, 1, 0x82];

    private readonly string _folder = Directory.CreateTempSubdirectory("pangu-abuse-").FullName;

    private string Keys => Path.Combine(_folder, "keys.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<string> NewKeyAsync(string name, string role)
    {
        var made = await RunningProgram.RunPanguAsync("keys", "new", Keys, "--name", name, "--role", role);
        Assert.True(made.Code == 0, made.Error);
        return made.Output.Trim();
    }

    [Fact]
    public async Task Server_should_serve_on_and_hold_no_more_than_before_when_clients_do_their_worst()
    {
        string key = await NewKeyAsync("good", "client");
        string bad = await NewKeyAsync("bad", "client");
        string boss = await NewKeyAsync("boss", "operator");
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano, "--api-keys", Keys, "--detach-ttl", "2s");
        using var good = Connect(node, key);
        using var @operator = Connect(node, boss);
        string expected = await AnswerAsync(good);
        await new Abuser(node, bad, expected).RoundAsync(small: true);
        var before = await SettledAsync(node, @operator, long.MaxValue);
        output.WriteLine($"before: {before}");

        var over = new CancellationTokenSource();
        long peak = 0;
        var watching = Task.Run(async () =>
        {
            for (; !over.IsCancellationRequested; await Task.Delay(20))
                peak = Math.Max(peak, ProcessFigures.Of(node.Program.Id).OwnBytes);
        });
        var serving = Task.Run(async () =>
        {
            int answers = 0;
            for (; !over.IsCancellationRequested; answers++)
                Assert.Equal(expected, await AnswerAsync(good));
            return answers;
        });
        var abuser = new Abuser(node, bad, expected);
        for (int i = 0; i < Rounds; i++)
        {
            await abuser.RoundAsync(small: false);
            output.WriteLine($"round {i + 1}: {ProcessFigures.Of(node.Program.Id)}");
        }
        await over.CancelAsync();
        int served = await serving.WaitAsync(Limit);
        await watching;
        var after = await SettledAsync(node, @operator, before.OwnBytes + MemoryKept);
        output.WriteLine($"peak: {peak >> 20} MiB; after: {after}; {served} good answers meanwhile");

        Assert.True(served > 0, "no good request was made meanwhile");
        Assert.Equal(expected, await AnswerAsync(good));
        Assert.InRange(after.OwnBytes, 0, before.OwnBytes + MemoryKept);
        Assert.InRange(after.Sockets, 0, before.Sockets + 4);
        Assert.InRange(after.Handles, 0, before.Handles + 16);
        Assert.InRange(after.JournalHandles, 0, JournalHandles);
        Assert.InRange(after.Threads, 0, before.Threads + 16);
        Assert.DoesNotContain("Unhandled exception", node.Program.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("fail:", node.Program.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Session_of_another_key_should_look_like_one_that_never_was()
    {
        string mine = await NewKeyAsync("mine", "client");
        string theirs = await NewKeyAsync("theirs", "client");
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano, "--api-keys", Keys);
        using var channel = GrpcChannel.ForAddress("http://" + node.Grpc);
        var generation = new Generation.GenerationClient(channel);
        using var owner = Connect(node, theirs);
        await foreach (var _ in owner.GenerateAsync(new GenerateRequest { Text = "mine alone", MaxTokens = 4, SessionId = "private" }))
        {
        }

        var resumed = await RefusalsAsync(id => ResumeAsync(generation, id, 0, mine), "private", "never-was");
        var beyond = await RefusalsAsync(id => ResumeAsync(generation, id, 1000, mine), "private", "never-was");
        var cancelled = await RefusalsAsync(
            async id => await generation.CancelAsync(new CancelRequest { SessionId = id }, With(mine)), "private", "never-was");
        var own = await Assert.ThrowsAsync<RpcException>(() => ResumeAsync(generation, "private", 1000, theirs));

        foreach (var (foreign, unknown) in (ReadOnlySpan<(Status, Status)>)[resumed, beyond, cancelled])
        {
            Assert.Equal((StatusCode.NotFound, "no such session"), (foreign.StatusCode, foreign.Detail));
            Assert.Equal((unknown.StatusCode, unknown.Detail), (foreign.StatusCode, foreign.Detail));
        }
        Assert.Equal(StatusCode.OutOfRange, own.StatusCode);
    }

    private static Metadata With(string key) => new() { { "authorization", "Bearer " + key } };

    private static async Task ResumeAsync(Generation.GenerationClient generation, string id, int next, string key)
    {
        using var call = generation.Resume(new ResumeRequest { SessionId = id, NextIndex = next }, With(key));
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
        }
    }

    private static async Task<(Status Foreign, Status Unknown)> RefusalsAsync(Func<string, Task> ask, string foreign, string unknown) => (
        (await Assert.ThrowsAsync<RpcException>(() => ask(foreign))).Status, (await Assert.ThrowsAsync<RpcException>(() => ask(unknown))).Status);

    [Fact]
    public async Task Server_should_start_serve_and_tell_when_rows_of_its_journal_are_damaged()
    {
        string file = Journals.Fresh();
        string[] options = ["--model", Repository.Nano, "--journal", file];
        string[] sessions = ["garbage", "cut", "sound"];
        await using (var first = await ServeNode.StartReadyAsync(options))
            foreach (string session in sessions)
                await foreach (var _ in first.Client.GenerateAsync(new GenerateRequest { Text = "12+7", MaxTokens = 6, SessionId = session }))
                {
                }
        byte[] garbage = new byte[200];
        new Random(4).NextBytes(garbage);
        JournalTampering.Damage(file["sqlite:".Length..], "garbage", _ => garbage);
        JournalTampering.Damage(file["sqlite:".Length..], "cut", row => row[..(row.Length / 2)]);

        await using var node = await ServeNode.StartReadyAsync(options);
        foreach (string session in sessions[..2])
        {
            using var late = new CancellationTokenSource(Limit);
            var refused = await Assert.ThrowsAnyAsync<RpcException>(async () =>
            {
                using var client = new PanguClient(new PanguClientOptions { StartLimit = TimeSpan.Zero, RetryLimit = TimeSpan.Zero }, node.Grpc);
                await foreach (var _ in client.ResumeAsync(session, 0, late.Token))
                {
                }
            });
            Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
        }

        int events = 0;
        await foreach (var _ in node.Client.ResumeAsync("sound"))
            events++;
        Assert.True(events > 1, $"{events} events");
        Assert.NotEmpty(await AnswerAsync(node.Client));
        await Wait.UntilAsync(() => sessions[..2].All(s => node.Program.Error.Contains($"session {s} cannot be read", StringComparison.Ordinal)),
            RunningProgram.Limit, () => node.Program.Error);
    }

    /// <summary>Waits until nothing runs and every KV block is free, and, within a limit, for memory to come back; then counts.</summary>
    private static async Task<ProcessFigures> SettledAsync(ServeNode node, PanguClient @operator, long memory)
    {
        ClusterState? last = null;
        await Wait.UntilAsync(async () =>
        {
            last = await @operator.GetClusterAsync();
            var load = last.Nodes.Single().Load;
            return load.Running == 0 && load.Waiting == 0 && load.FreeBlocks == load.TotalBlocks;
        }, Limit, () => $"{last}");
        await Wait.UntilAsync(async () => (await @operator.ListSessionsAsync(new ListSessionsRequest { States = { Session.Types.State.Running } })).Sessions.Count == 0,
            Limit, () => "sessions still run");
        ProcessFigures now = default;
        // Ended sessions stay in memory for half a minute, and the heap gives memory back bit by bit.
        for (int seconds = 0; seconds < 60; seconds++)
        {
            await RuntimeDiagnostics.CollectGarbageAsync(node.Program.Id);
            await Task.Delay(1000);
            now = ProcessFigures.Of(node.Program.Id);
            if (now.OwnBytes <= memory && seconds >= 2)
                break;
        }
        return now;
    }

    /// <summary>A client that comes again when the queue is full, as any does.</summary>
    private static PanguClient Connect(ServeNode node, string key) => new(new PanguClientOptions(key) { StartLimit = Limit }, node.Grpc);

    private static async Task<string> AnswerAsync(PanguClient client)
    {
        using var late = new CancellationTokenSource(Limit);
        string text = "";
        await foreach (var happened in client.GenerateAsync(
            new GenerateRequest { Text = "12+7", MaxTokens = 6, Sampling = new Sampling { Temperature = 0 } }, late.Token).ConfigureAwait(false))
            text += happened.Token?.Text ?? happened.Finished?.Text;
        return text;
    }

    /// <summary>All that is done to the node, one after the other; most of it with a valid key, which lets it further in.</summary>
    private sealed class Abuser(ServeNode node, string key, string expected)
    {
        private readonly Metadata _credentials = new() { { "authorization", "Bearer " + key } };

        public async Task RoundAsync(bool small)
        {
            int part = small ? 20 : 1;
            using var slow = new RawConnections(node.Http);
            await slow.OpenAsync(300 / part, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "u8.ToArray());
            using var half = new RawConnections(node.Grpc);
            await half.OpenAsync(300 / part, HalfFrame);
            using var idle = new RawConnections(node.Grpc);
            await idle.OpenAsync(2000 / part, Http2Start);
            for (int i = 0; i < 3; i++)
                await slow.SayAsync("x"u8.ToArray());
            await LargeMessagesAsync(small ? 1 : 4);
            await ChurnAsync(1000 / part);
            await ResetsAsync(400 / part);
            await StreamsNobodyReadsAsync(StreamsOfOneConnection / part);
            using var client = Connect(node, key);
            Assert.Equal(expected, await AnswerAsync(client));
            await slow.ClosedAsync();
        }

        /// <summary>100 MB each way in; the server must not wait for them, nor keep them.</summary>
        private async Task LargeMessagesAsync(int count)
        {
            byte[] large = new byte[100 << 20];
            for (int i = 0; i < count; i++)
            {
                using var channel = GrpcChannel.ForAddress("http://" + node.Grpc, new GrpcChannelOptions { MaxSendMessageSize = null });
                var raw = Marshallers.Create(bytes => bytes, bytes => bytes);
                var method = new Method<byte[], byte[]>(MethodType.Unary, "pangu.v1.Generation", "Tokenize", raw, raw);
                var refused = await Assert.ThrowsAsync<RpcException>(async () =>
                    await channel.CreateCallInvoker().AsyncUnaryCall(method, null, new CallOptions(_credentials), large)).WaitAsync(Limit);
                Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
                using var http = new HttpClient { BaseAddress = new Uri("http://" + node.Http), Timeout = Limit };
                http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
                using var content = new ByteArrayContent(large);
                content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                try
                {
                    using var answer = await http.PostAsync(new Uri("/v1/completions", UriKind.Relative), content);
                    Assert.InRange((int)answer.StatusCode, 400, 499);
                }
                catch (HttpRequestException)
                {
                    // Refused and closed before all of it was sent.
                }
            }
        }

        private async Task ChurnAsync(int count)
        {
            for (int i = 0; i < count; i++)
            {
                using var connections = new RawConnections(i % 2 == 0 ? node.Grpc : node.Http);
                var socket = await connections.ConnectAsync();
                if (i % 4 < 2)
                    await socket.SendAsync(i % 2 == 0 ? Http2Start : "GET / HTTP/1.1\r\n"u8.ToArray());
                if (i % 3 == 0)
                    socket.LingerState = new LingerOption(true, 0); // reset, not closed
            }
        }

        /// <summary>Streams that are cancelled after their first event, eight at a time.</summary>
        private async Task ResetsAsync(int count)
        {
            using var channel = GrpcChannel.ForAddress("http://" + node.Grpc);
            var generation = new Generation.GenerationClient(channel);
            await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
            {
                using var call = generation.Generate(new GenerateRequest { Text = $"story {i}", MaxTokens = 400 }, _credentials);
                try
                {
                    await call.ResponseStream.MoveNext(CancellationToken.None);
                }
                catch (RpcException refused)
                {
                    Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
                }
            });
        }

        /// <summary>As many streams on one connection as it may have, none of which is read; then the connection breaks.</summary>
        private async Task StreamsNobodyReadsAsync(int count)
        {
            using var channel = GrpcChannel.ForAddress("http://" + node.Grpc);
            var generation = new Generation.GenerationClient(channel);
            var calls = new List<AsyncServerStreamingCall<GenerateEvent>>();
            for (int i = 0; i < count; i++)
                calls.Add(generation.Generate(new GenerateRequest { Text = $"idle {i}", MaxTokens = 40, Detached = i % 64 == 0 }, _credentials));
            using var client = Connect(node, key);
            Assert.Equal(expected, await AnswerAsync(client));
            channel.Dispose();
            calls.ForEach(call => call.Dispose());
        }
    }
}
