using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client.Tests.Scripted;
using Xunit;

namespace PanguCluster.Client.Tests;

public class LimitTests
{
    [Fact]
    public async Task Call_should_reach_a_live_server_when_another_swallows_its_packets()
    {
        // A full backlog: the kernel drops what would open a connection.
        using var hole = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        hole.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        hole.Listen(0);
        var full = new List<Socket>();
        for (int i = 0; i < 8; i++)
        {
            full.Add(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            _ = full[i].ConnectAsync(hole.LocalEndPoint!);
        }
        await using var live = await ScriptedServer.StartAsync(new Script());
        await using var client = PanguClient.Connect(Servers.Quick with { ConnectTimeout = TimeSpan.FromMilliseconds(200) }, $"{hole.LocalEndPoint}", live.Address);

        var events = await Servers.CollectAsync(client.GenerateAsync(Servers.Request()));

        Assert.Equal(Answers.Picture(Answers.Make("s", 3)), Answers.Picture(events));
        full.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task Call_should_go_elsewhere_when_nothing_listens()
    {
        await using var servers = await Servers.StartAsync(1, null, null, "127.0.0.1:1");

        Assert.Equal(Answers.Picture(Answers.Make("s", 3)), Answers.Picture(await servers.GenerateAsync()));
        Assert.Equal("scripted", (await servers.Client.GetModelAsync()).Name);
    }

    [Fact]
    public async Task Stream_should_wait_for_its_server_when_all_are_down()
    {
        var script = new Script();
        script.Breaks.Enqueue(new Break(4, BreakKind.Silent));
        var server = await ScriptedServer.StartAsync(script);
        int port = int.Parse(server.Address.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture);
        await using var client = PanguClient.Connect(Servers.Quick, server.Address);
        var recovered = new List<Recovery>();
        client.Recovered += recovered.Add;
        var reached = new TaskCompletionSource();

        var reading = Task.Run(async () =>
        {
            var all = new List<GenerateEvent>();
            await foreach (var happened in client.GenerateAsync(Servers.Request()))
            {
                all.Add(happened);
                if (all.Count == 4)
                    reached.SetResult();
            }
            return all;
        });
        await reached.Task.WaitAsync(Servers.Limit);
        await server.DisposeAsync();
        // Long enough for some refused attempts.
        await Task.Delay(100);
        await using var again = await ScriptedServer.StartAsync(script, port);

        Assert.Equal(Answers.Picture(Answers.Make("s", 3)), Answers.Picture(await reading.WaitAsync(Servers.Limit)));
        Assert.True(Assert.Single(recovered).Attempts > 1);
    }

    [Fact]
    public async Task Stream_should_fail_with_the_last_status_when_the_limit_is_over()
    {
        await using var servers = await Servers.StartAsync(2, null, Servers.Quick with { RetryLimit = TimeSpan.FromMilliseconds(100) });
        servers.Script.Breaks.Enqueue(new Break(3, BreakKind.Unavailable));
        for (int i = 0; i < 1000; i++)
            servers.Script.Breaks.Enqueue(new Break(0, BreakKind.Unavailable));

        var failed = await Assert.ThrowsAsync<PanguException>(() => servers.GenerateAsync());

        Assert.Equal((StatusCode.Unavailable, "the node is stopping", "s"), (failed.StatusCode, failed.Status.Detail, failed.SessionId));
        Assert.True(servers.Script.Calls.Count > 4);
    }

    [Fact]
    public async Task Every_server_should_be_tried_once_when_the_start_limit_is_0()
    {
        await using var servers = await Servers.StartAsync(3, null, Servers.Quick with { StartLimit = TimeSpan.Zero });
        for (int i = 0; i < 10; i++)
            servers.Script.Breaks.Enqueue(new Break(0, BreakKind.Unavailable));

        await Assert.ThrowsAsync<PanguException>(() => servers.GenerateAsync());

        Assert.Equal(3, servers.Script.Calls.Count);
    }

    [Fact]
    public async Task Refusal_should_be_told_at_once_when_trying_again_is_no_use()
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Before = (_, _) => throw new RpcException(new Status(StatusCode.InvalidArgument, "n: 0"));

        var refused = await Assert.ThrowsAsync<PanguException>(() => servers.GenerateAsync());

        Assert.Equal((StatusCode.InvalidArgument, "n: 0"), (refused.StatusCode, refused.Status.Detail));
        Assert.Equal("InvalidArgument: n: 0", refused.Message);
        Assert.Single(servers.Script.Calls);
    }

    [Fact]
    public async Task Hint_should_be_waited_for_when_every_queue_is_full()
    {
        var script = new Script { RetryAfter = TimeSpan.FromMilliseconds(150) };
        await using var servers = await Servers.StartAsync(2, script);
        for (int i = 0; i < 2; i++)
            script.Breaks.Enqueue(new Break(0, BreakKind.Exhausted));
        long start = System.Diagnostics.Stopwatch.GetTimestamp();

        await servers.GenerateAsync();

        // Not earlier: a lower bound holds on any machine.
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(start) >= TimeSpan.FromMilliseconds(140));
        Assert.Equal(3, script.Calls.Count);
    }

    [Fact]
    public async Task Refusal_should_carry_the_hint_when_it_is_beyond_the_limit()
    {
        var script = new Script { RetryAfter = TimeSpan.FromMinutes(1) };
        await using var servers = await Servers.StartAsync(1, script);
        script.Breaks.Enqueue(new Break(0, BreakKind.Exhausted));

        var refused = await Assert.ThrowsAsync<PanguException>(() => servers.GenerateAsync());

        Assert.Equal((StatusCode.ResourceExhausted, TimeSpan.FromMinutes(1)), (refused.StatusCode, refused.RetryAfter));
    }

    [Fact]
    public async Task Deadline_should_end_the_answer_and_reach_the_server_when_it_is_over()
    {
        await using var servers = await Servers.StartAsync();
        DateTime? told = null;
        servers.Script.Before = (_, context) => Task.FromResult(told = context.Deadline);
        servers.Script.Breaks.Enqueue(new Break(3, BreakKind.Silent));

        var late = await Assert.ThrowsAsync<PanguException>(
            () => servers.Client.CompleteAsync("x", new GenerateOptions { Timeout = TimeSpan.FromMilliseconds(500) }).WaitAsync(Servers.Limit));

        Assert.Equal(StatusCode.DeadlineExceeded, late.StatusCode);
        Assert.InRange(told!.Value, DateTime.UtcNow.AddMinutes(-1), DateTime.UtcNow.AddMinutes(1));
        await servers.Script.CallerLeft.Task.WaitAsync(Servers.Limit);
        Assert.Single(servers.Script.Calls);
    }

    [Fact]
    public async Task Deadline_should_end_the_pauses_too_when_no_server_is_there()
    {
        await using var client = PanguClient.Connect(Servers.Quick, "127.0.0.1:1");

        var late = await Assert.ThrowsAsync<PanguException>(
            () => client.CompleteAsync("x", new GenerateOptions { Timeout = TimeSpan.FromMilliseconds(200) }).WaitAsync(Servers.Limit));

        Assert.Equal(StatusCode.DeadlineExceeded, late.StatusCode);
    }

    [Fact]
    public async Task Cancellation_should_reach_the_server_when_the_caller_cancels()
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Breaks.Enqueue(new Break(3, BreakKind.Silent));
        using var cancel = new CancellationTokenSource();
        int seen = 0;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in servers.Client.GenerateAsync("x", cancellation: cancel.Token))
                if (++seen == 2)
                    await cancel.CancelAsync();
        });

        await servers.Script.CallerLeft.Task.WaitAsync(Servers.Limit);
        Assert.Single(servers.Script.Calls);
    }

    [Fact]
    public async Task Server_should_see_the_end_when_the_caller_leaves_the_loop()
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Breaks.Enqueue(new Break(3, BreakKind.Silent));

        await foreach (var _ in servers.Client.GenerateAsync("x"))
            break;

        await servers.Script.CallerLeft.Task.WaitAsync(Servers.Limit);
    }

    [Fact]
    public async Task Another_server_should_be_asked_when_a_stream_falls_silent()
    {
        await using var servers = await Servers.StartAsync(2, null, Servers.Quick with { IdleLimit = TimeSpan.FromMilliseconds(200) });
        servers.Script.Breaks.Enqueue(new Break(4, BreakKind.Silent));

        Assert.Equal(Answers.Picture(Answers.Make("s", 3)), Answers.Picture(await servers.GenerateAsync()));
        Assert.NotEmpty(servers.Recoveries);
    }

    [Fact]
    public async Task Session_should_go_on_where_it_is_resumed_and_an_unknown_one_is_told()
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Know("mine", choices: 2);
        servers.Script.Breaks.Enqueue(new Break(3, BreakKind.CutConnection));
        var whole = Answers.Make("mine", 1, 2);

        var rest = await Servers.CollectAsync(servers.Client.ResumeAsync("mine", 4));
        var unknown = await Assert.ThrowsAsync<PanguException>(() => Servers.CollectAsync(servers.Client.ResumeAsync("other")));

        Assert.Equal(Answers.Picture(Answers.Rest(whole, new ResumeRequest { NextIndex = 4 })), Answers.Picture(rest));
        Assert.Equal(StatusCode.NotFound, unknown.StatusCode);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<PanguException>(() => servers.Client.CancelAsync("other"))).StatusCode);
    }

    [Fact]
    public void Options_should_be_refused_when_out_of_range_and_never_show_the_key()
    {
        Assert.StartsWith("RetryLimit", Assert.Throws<ArgumentException>(
            () => PanguClient.Connect(new PanguClientOptions { RetryLimit = TimeSpan.FromSeconds(-1) }, "127.0.0.1:1")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => PanguClient.Connect());
        Assert.Contains("'nonsense'", Assert.Throws<ArgumentException>(() => PanguClient.Connect("nonsense")).Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", new PanguClientOptions("secret").ToString(), StringComparison.Ordinal);
    }
}
