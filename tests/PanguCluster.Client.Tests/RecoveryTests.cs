using Pangu.V1;
using PanguCluster.Client.Tests.Scripted;
using Xunit;

namespace PanguCluster.Client.Tests;

public class RecoveryTests
{
    public static TheoryData<int, int, string> Positions()
    {
        var data = new TheoryData<int, int, string>();
        // Two choices of 6 and 5 tokens with an echoed prompt: accepted, 3 pieces, 11 tokens, 2 ends.
        int events = Answers.Make("s", 3, 2, echo: true).Count;
        foreach (var kind in (BreakKind[])[BreakKind.CutConnection, BreakKind.Reset, BreakKind.Unavailable, BreakKind.EndsEarly])
            for (int after = 0; after <= events; after++)
                data.Add(2, after, kind.ToString());
        return data;
    }

    [Theory]
    [MemberData(nameof(Positions))]
    public async Task Stream_should_be_whole_when_it_breaks_anywhere(int n, int after, string kind)
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Breaks.Enqueue(new Break(after, Enum.Parse<BreakKind>(kind)));

        var events = await servers.GenerateAsync(n, echo: true);

        Assert.Equal(Answers.Picture(Answers.Make("s", 3, n, echo: true)), Answers.Picture(events));
    }

    [Fact]
    public async Task Stream_should_ask_another_server_for_the_next_indices_when_it_breaks()
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Breaks.Enqueue(new Break(1 + 4, BreakKind.Unavailable));

        await servers.GenerateAsync(n: 2);

        var resumed = Assert.IsType<ResumeRequest>(servers.Script.Calls.Last());
        Assert.Equal([2, 2], resumed.NextIndices);
        var recovery = Assert.Single(servers.Recoveries);
        Assert.Equal(servers.Client.Servers, [recovery.From, recovery.To]);
        Assert.Equal(("s", 1, "Unavailable", false), (recovery.SessionId, recovery.Attempts, recovery.Cause, recovery.Restarted));
        Assert.True(recovery.Pause >= recovery.Outage && recovery.Outage > TimeSpan.Zero);
    }

    [Fact]
    public async Task Request_should_be_sent_again_under_its_name_and_seed_when_it_was_not_accepted()
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Breaks.Enqueue(new Break(0, BreakKind.CutConnection));

        await Servers.CollectAsync(servers.Client.GenerateAsync(new GenerateRequest { Text = "x" }));

        var sent = servers.Script.Calls.Cast<GenerateRequest>().ToList();
        Assert.Equal(2, sent.Count);
        Assert.Equal(sent[0], sent[1]);
        Assert.Matches("^[0-9a-f]{32}$", sent[0].SessionId);
        Assert.True(sent[0].Sampling.HasSeed);
        Assert.Empty(servers.Recoveries);
    }

    [Fact]
    public async Task Stream_should_be_computed_again_when_the_servers_have_lost_the_session()
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Breaks.Enqueue(new Break(3, BreakKind.Unavailable));

        var events = new List<GenerateEvent>();
        await foreach (var happened in servers.Client.GenerateAsync(Servers.Request()))
        {
            events.Add(happened);
            if (events.Count == 3)
                servers.Script.Forget();
        }

        Assert.Equal(Answers.Picture(Answers.Make("s", 3)), Answers.Picture(events));
        Assert.True(Assert.Single(servers.Recoveries).Restarted);
        Assert.Equal([typeof(GenerateRequest), typeof(ResumeRequest), typeof(GenerateRequest)], servers.Script.Calls.Select(c => c.GetType()));
    }

    [Fact]
    public async Task Repeats_should_be_dropped_when_a_server_begins_too_early()
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Breaks.Enqueue(new Break(5, BreakKind.Unavailable));
        servers.Script.Breaks.Enqueue(new Break(2, BreakKind.CutConnection, Repeats: 2));
        servers.Script.Breaks.Enqueue(new Break(99, BreakKind.EndsEarly, Repeats: 99));

        Assert.Equal(Answers.Picture(Answers.Make("s", 3)), Answers.Picture(await servers.GenerateAsync()));
    }

    [Fact]
    public async Task Difference_should_end_the_stream_when_a_repeated_token_is_another_one()
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Breaks.Enqueue(new Break(5, BreakKind.Unavailable));
        servers.Script.Breaks.Enqueue(new Break(99, BreakKind.EndsEarly, Repeats: 2));
        servers.Script.Change = (call, events) =>
        {
            if (call == 1)
                events.First(e => e.Token is not null).Token.TokenId++;
            return events;
        };

        var bug = await Assert.ThrowsAsync<DeterminismException>(() => servers.GenerateAsync());

        Assert.Equal(("id 102", "id 103", "s"), (bug.Expected, bug.Actual, bug.SessionId));
    }

    [Theory]
    [InlineData("text")]
    [InlineData("logprob")]
    [InlineData("top")]
    public async Task Difference_should_end_the_stream_when_a_repeated_token_differs_in_anything(string what)
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Breaks.Enqueue(new Break(5, BreakKind.Unavailable));
        servers.Script.Breaks.Enqueue(new Break(99, BreakKind.EndsEarly, Repeats: 1));
        servers.Script.Change = (call, events) =>
        {
            var token = events.First(e => e.Token is not null).Token;
            if (call == 1 && what == "text")
                token.Text += "?";
            if (call == 1 && what == "logprob")
                token.Logprob = MathF.BitIncrement(token.Logprob);
            if (call == 1 && what == "top")
                token.TopLogprobs[0].TokenId++;
            return events;
        };

        await Assert.ThrowsAsync<DeterminismException>(() => servers.GenerateAsync());
    }

    [Fact]
    public async Task Gap_should_end_the_stream_when_a_token_is_missing()
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Change = (_, events) => events.Where(e => e.Token?.Index != 2);

        var bug = await Assert.ThrowsAsync<DeterminismException>(() => servers.GenerateAsync());

        Assert.Contains("token 3 came where 2 is next", bug.Message, StringComparison.Ordinal);
    }
}
