using Grpc.Core;
using Pangu.V1;
using PanguCluster.Actors.Sessions;
using PanguCluster.Node.Console;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Console;

public class SessionVerbTests
{
    [Fact]
    public async Task Sessions_should_list_what_is_asked_for_when_filtered()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Book.Sessions.AddRange([FakeBook.Session("ab-1", SessionState.Running), FakeBook.Session("ab-2", node: "m7", owner: "k1"), FakeBook.Session("c")]);

        var (code, all, _) = await Run(edge, "sessions");
        var (_, running, _) = await Run(edge, "sessions", "--state", "running");
        var (_, node, _) = await Run(edge, "sessions", "--node", "m");
        var (_, json, _) = await Run(edge, "sessions", "ab", "-o", "json");
        var (_, one, more) = await Run(edge, "sessions", "--limit", "1", "--state", "finished");

        Assert.Equal(ExitCodes.Done, code);
        Assert.Matches(@"SESSION +STATE +NODE +PROMPT +TOKENS +CHOICES +RESUMES +AGE +OWNER", all);
        Assert.Matches(@"ab-2 +finished +m7 +3 +40 +2 +1 +\d+d\d+h +k1", all);
        Assert.Equal((2, 2, 2), (Lines(running), Lines(node), Lines(one)));
        Assert.Contains("ab-1", running, StringComparison.Ordinal);
        Assert.Contains("ab-2", node, StringComparison.Ordinal);
        Assert.Contains("\"state\": \"running\"", json, StringComparison.Ordinal);
        Assert.DoesNotContain("\"c\"", json, StringComparison.Ordinal);
        Assert.Contains("--limit", more, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-5, "0s")]
    [InlineData(119, "119s")]
    [InlineData(125, "2m5s")]
    [InlineData(3600, "60m")]
    [InlineData(9000, "2h30m")]
    [InlineData(100000, "27h")]
    [InlineData(200000, "2d7h")]
    public void Age_should_be_short_when_shown(int seconds, string shown) => Assert.Equal(shown, SessionTables.Age(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public async Task Verify_should_say_how_many_tokens_are_identical_when_they_are()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Book.Sessions.Add(FakeBook.Session("abc"));
        edge.Book.Reports.AddRange([new VerifyReport("", 20, 40, null, null), new VerifyReport("", 40, 40, true, null)]);

        var (code, output, error) = await Run(edge, "verify", "a");

        Assert.Equal(ExitCodes.Done, code);
        Assert.Matches(@"identical: session abc, 40 tokens computed again in .* tokens/s\)", output);
        Assert.Contains("verifying 50 %", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(9, "computed token 9")]
    [InlineData(-1, "the computed answer ends there")]
    public async Task Verify_should_end_with_1_and_the_place_when_a_token_differs(int computed, string says)
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Book.Sessions.Add(FakeBook.Session("abc"));
        edge.Book.Reports.Add(new VerifyReport("", 17, 40, false, new TokenDifference(1, 17, 8, computed)));

        var (code, output, error) = await Run(edge, "verify", "abc");
        var (_, json, _) = await Run(edge, "verify", "abc", "-o", "json");

        Assert.Equal((ExitCodes.Failed, ""), (code, output));
        Assert.Contains($"different: session abc, choice 1, index 17: recorded token 8, {says}", error, StringComparison.Ordinal);
        Assert.Contains("\"outcome\": \"different\"", json, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("verify")]
    [InlineData("cancel", "--yes")]
    [InlineData("generate", "--resume")]
    public async Task Candidates_should_be_named_when_a_prefix_is_ambiguous(params string[] verb)
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Book.Sessions.AddRange([FakeBook.Session("ab-1"), FakeBook.Session("ab-2")]);
        edge.Gateway.Play = (_, writer, _) => writer.WriteAsync(new Actors.Streams.StreamEvent.Failed(Actors.Streams.FailureKind.NotFound, "no such session")).AsTask();

        var (code, output, error) = await Run(edge, [.. verb, "ab"]);
        var (unknown, _, why) = await Run(edge, [.. verb, "zz"]);

        Assert.Equal((ExitCodes.Usage, ""), (code, output));
        Assert.Contains("'ab' is the beginning of several sessions: ab-1, ab-2", error, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Failed, unknown);
        Assert.Contains("there is no session 'zz'", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancel_should_leave_an_ended_session_alone_when_it_is_named()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Book.Sessions.Add(FakeBook.Session("abc"));

        var (code, output, _) = await Run(edge, "cancel", "a");

        Assert.Equal(ExitCodes.Done, code);
        Assert.Contains("has ended already (finished)", output, StringComparison.Ordinal);
        Assert.Empty(edge.Gateway.Cancelled);
    }

    [Fact]
    public async Task Sessions_should_end_with_3_when_the_journal_is_away()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Book.Broken = new SessionsUnavailableException("the journal of sessions is not available: locked");

        var (code, _, error) = await Run(edge, "sessions");

        Assert.Equal(ExitCodes.Unreachable, code);
        Assert.Contains("locked", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_should_print_the_id_and_return_when_detached()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = async (request, writer, stop) =>
        {
            await writer.WriteAsync(FakeGateway.Accepted(request), stop);
            await Task.Delay(Timeout.InfiniteTimeSpan, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        };

        var (code, output, _) = await Run(edge, "generate", "hi", "--detached", "--session-id", "s9");

        Assert.Equal((ExitCodes.Done, "s9" + Environment.NewLine), (code, output));
        Assert.True(Assert.Single(edge.Gateway.Requests).Detached);
    }

    [Fact]
    public async Task Generate_should_resume_where_it_is_told_when_a_session_is_named()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var (code, output, _) = await Run(edge, "generate", "--resume", "s1", "--from", "2");
        await Run(edge, "generate", "--resume", "s2", "--from", "2,5");

        Assert.Equal((ExitCodes.Done, "t2 end" + Environment.NewLine), (code, output));
        Assert.Equal([2], edge.Gateway.Resumes.First(r => r.SessionId == "s1").NextIndices);
        Assert.Equal([2, 5], edge.Gateway.Resumes.First(r => r.SessionId == "s2").NextIndices);
    }

    public static TheoryData<ListSessionsRequest, string> BadListings => new()
    {
        { new ListSessionsRequest { Prefix = "a b" }, "prefix: give at most 64" },
        { new ListSessionsRequest { Prefix = new string('a', 65) }, "prefix: give at most 64" },
        { new ListSessionsRequest { Limit = -1 }, "limit: -1; give 1 .. 10000" },
        { new ListSessionsRequest { Limit = 10001 }, "limit: 10001; give 1 .. 10000" },
        { new ListSessionsRequest { States = { Session.Types.State.Unspecified } }, "states[0]: 0" },
        { new ListSessionsRequest { States = { Session.Types.State.Failed, (Session.Types.State)77 } }, "states[1]: 77" },
        { new ListSessionsRequest { States = { Enumerable.Repeat(Session.Types.State.Failed, 6) } }, "states: 6 states; the limit is 5" },
        { new ListSessionsRequest { Node = new string('n', 65) }, "node: 65 characters; the limit is 64" },
    };

    [Theory]
    [MemberData(nameof(BadListings))]
    public async Task ListSessions_should_be_refused_with_the_field_when_wrong(ListSessionsRequest request, string says)
    {
        await using var edge = await EdgeFixture.StartAsync();

        var refused = await Assert.ThrowsAnyAsync<RpcException>(() => edge.Client.ListSessionsAsync(request));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.StartsWith(says, refused.Status.Detail, StringComparison.Ordinal);
    }

    private static int Lines(string table) => table.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries).Length;

    private static async Task<(int Code, string Output, string Error)> Run(EdgeFixture edge, params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        int code = await CommandLine.RunAsync([.. args, "--server", edge.Grpc.Authority], output, error);
        return (code, output.ToString(), error.ToString());
    }
}
