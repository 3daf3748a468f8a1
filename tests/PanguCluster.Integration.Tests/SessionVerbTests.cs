using PanguCluster.Chaos.Processes;
using Pangu.V1;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

/// <summary>What an operator and a user do with sessions, by the console, against real processes.</summary>
public sealed class SessionVerbTests
{
    private const string Start = "Once upon a time there was a little girl";
    private static readonly string[] Sampled = ["generate", Start, "--seed", "7", "--n", "2", "--max-tokens", "60"];

    /// <summary>Many at once: longer than it takes to start two programs.</summary>
    private static readonly string[] Long = ["generate", Start, "--temperature", "0", "--max-tokens", "1900", "--n", "8"];

    [Fact]
    public async Task Detached_session_should_be_listed_resumed_and_verified_at_another_node_when_its_client_has_left()
    {
        await using var first = await ServeNode.StartReadyAsync("--model", Repository.Nano, "--node-id", "first");
        await using var second = await ServeNode.StartReadyAsync("--model", Repository.Nano, "--node-id", "second", "--seed-node", first.Cluster);
        string expected = (await Ran(0, first, [.. Sampled, "--session-id", "watched"])).Output;
        Assert.Contains("--- choice 1 ---", expected, StringComparison.Ordinal);

        var left = await Ran(0, first, [.. Sampled, "--session-id", "alone-1", "--detached"]);
        await Ran(0, second, [.. Sampled, "--session-id", "alone-2", "--detached"]);
        Assert.Equal("alone-1\n", left.Output);
        await UntilStateAsync(second, "alone-1", Session.Types.State.Finished);

        // A resume does not know how many choices there are before the second one comes: the first has no line above it.
        string resumed = (await Ran(0, second, ["generate", "--resume", "alone-1"])).Output;
        Assert.Equal(expected["--- choice 0 ---\n".Length..], resumed);
        await UntilListedAsync(first, "alone-1", s => s.Resumes > 0); // who looks at an ended session does not wait for its record
        var listed = ListSessionsResponse.Parser.ParseJson((await Ran(0, first, ["sessions", "alone-1", "-o", "json"])).Output).Sessions.Single();
        Assert.Equal((120, 2, 1, 7UL), (listed.GeneratedTokens, listed.Choices, listed.Resumes, listed.Seed));

        var same = await Ran(0, second, ["verify", "alone-1"]);
        Assert.Contains("identical: session alone-1, 120 tokens computed again", same.Output, StringComparison.Ordinal);
        var ambiguous = await Ran(2, second, ["verify", "alone"]);
        Assert.Contains("alone-2, alone-1", ambiguous.Error, StringComparison.Ordinal);
        Assert.Contains("no session 'nobody'", (await Ran(1, second, ["cancel", "nobody", "--yes"])).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_should_name_the_token_and_end_with_1_when_the_journal_was_changed()
    {
        const int index = 37;
        string journal = Journals.Fresh();
        string[] options = ["--model", Repository.Nano, "--journal", journal];
        var events = new List<GenerateEvent>();
        await using (var node = await ServeNode.StartReadyAsync(options))
        {
            var ran = await Ran(0, node, ["generate", Start, "--seed", "7", "--max-tokens", "60", "--session-id", "story", "-o", "json"]);
            events.AddRange(ran.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(GenerateEvent.Parser.ParseJson));
            await UntilStateAsync(node, "story", Session.Types.State.Finished);
            await Ran(0, node, ["verify", "story"]);
            node.Program.Signal("TERM");
            await node.Program.EndAsync();
        }
        int computed = events.Single(e => e.Token?.Index == index).Token.TokenId;

        int recorded = JournalTampering.ChangeToken(journal["sqlite:".Length..], "story", index);

        await using var after = await ServeNode.StartReadyAsync(options);
        var differs = await Ran(1, after, ["verify", "story"]);
        Assert.Empty(differs.Output);
        Assert.Contains(
            $"different: session story, choice 0, index {index}: recorded token {recorded}, computed token {computed} ({index} of 60", differs.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Blocks_should_come_back_when_a_session_is_cancelled_by_an_operator_or_by_ctrl_c()
    {
        // Nobody waits for this time: a client that only went away would hold its blocks until the test fails.
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano, "--detach-ttl", "1h");
        int total = Load(await node.Client.GetClusterAsync()).TotalBlocks;

        await using (var client = RunningProgram.Pangu([.. Long, "--session-id", "long-1", "--server", node.Grpc]))
        {
            await node.UntilAsync(c => Load(c) is { Running: > 0 } load && load.FreeBlocks < total);
            await UntilStateAsync(node, "long-1", Session.Types.State.Running);
            var asked = await Ran(2, node, ["cancel", "long"]);
            Assert.Contains("session long-1 (running on", asked.Output, StringComparison.Ordinal);
            Assert.Contains("--yes", asked.Error, StringComparison.Ordinal);
            Assert.Contains("session long-1 is cancelled", (await Ran(0, node, ["cancel", "long", "--yes"])).Output, StringComparison.Ordinal);
            var told = await client.EndAsync();
            Assert.Equal(1, told.Code);
            Assert.Contains("cancelled", told.Error, StringComparison.Ordinal);
        }
        await node.UntilAsync(c => IsFree(c, total));

        await using (var client = RunningProgram.Pangu([.. Long, "--session-id", "interrupted", "--server", node.Grpc]))
        {
            await node.UntilAsync(c => Load(c) is { Running: > 0 } load && load.FreeBlocks < total);
            client.Signal("INT");
            var told = await client.EndAsync();
            Assert.Equal(1, told.Code);
            Assert.Contains("cancelled session interrupted", told.Error, StringComparison.Ordinal);
        }
        await UntilStateAsync(node, "interrupted", Session.Types.State.Cancelled);
        var free = await node.UntilAsync(c => IsFree(c, total));
        Assert.True(Load(free).TokensGenerated < 2 * 8 * 1850, "a sequence ran to its end");
    }

    [Fact]
    public async Task Session_should_be_its_owner_s_and_the_operator_s_when_keys_are_in_use()
    {
        string folder = Directory.CreateTempSubdirectory("pangu-owners-").FullName;
        try
        {
            string keys = Path.Combine(folder, "keys.json");
            string alice = await NewKeyAsync(keys, "alice", "client"), bob = await NewKeyAsync(keys, "bob", "client"), boss = await NewKeyAsync(keys, "boss", "operator");
            await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano, "--api-keys", keys);
            await Ran(0, node, ["generate", Start, "--max-tokens", "20", "--session-id", "hers", "--api-key", alice]);

            Assert.Contains("no such session", (await Ran(1, node, ["generate", "--resume", "hers", "--api-key", bob])).Error, StringComparison.Ordinal);
            // A stranger's session and none at all look the same.
            Assert.Contains("no such session", (await Ran(1, node, ["generate", "--resume", "nobody-s", "--api-key", bob])).Error, StringComparison.Ordinal);
            Assert.Contains("no such session", (await Ran(1, node, ["cancel", "hers", "--yes", "--api-key", bob])).Error, StringComparison.Ordinal);
            await Ran(4, node, ["sessions", "--api-key", bob]);
            await Ran(4, node, ["verify", "hers", "--api-key", bob]);
            await Ran(0, node, ["generate", "--resume", "hers", "--from", "5", "--api-key", alice]);
            await Ran(0, node, ["cancel", "hers", "--yes", "--api-key", alice]);

            await UntilStateAsync(node, "hers", Session.Types.State.Finished, "--api-key", boss);
            var listed = ListSessionsResponse.Parser.ParseJson((await Ran(0, node, ["sessions", "-o", "json", "--api-key", boss])).Output).Sessions.Single();
            Assert.Equal(alice.Split('_')[1], listed.Owner);
            await Ran(0, node, ["verify", "her", "--api-key", boss]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static DecoderLoad Load(ClusterState cluster) => cluster.Nodes.Single(n => n.Load is not null).Load;

    private static bool IsFree(ClusterState cluster, int total) => Load(cluster) is { Running: 0, Waiting: 0 } load && load.FreeBlocks == total;

    private static async Task<string> NewKeyAsync(string file, string name, string role)
    {
        var made = await RunningProgram.RunPanguAsync("keys", "new", file, "--name", name, "--role", role);
        Assert.True(made.Code == 0, made.Error);
        return made.Output.Trim();
    }

    private static Task UntilStateAsync(ServeNode node, string session, Session.Types.State state, params string[] credentials) =>
        UntilListedAsync(node, session, s => s.State == state, credentials);

    private static Task UntilListedAsync(ServeNode node, string session, Func<Session, bool> wanted, params string[] credentials)
    {
        string last = "";
        return Wait.UntilAsync(
            async () =>
            {
                var ended = await RunningProgram.RunPanguAsync(["sessions", session, "-o", "json", "--server", node.Grpc, .. credentials]);
                last = ended.Output + ended.Error;
                return ended.Code == 0 && ListSessionsResponse.Parser.ParseJson(ended.Output).Sessions.Any(s => s.SessionId == session && wanted(s));
            },
            RunningProgram.Limit, () => last);
    }

    private static async Task<Ended> Ran(int code, ServeNode node, string[] arguments)
    {
        var ended = await RunningProgram.RunPanguAsync([.. arguments, "--server", node.Grpc]);
        Assert.True(ended.Code == code, $"{string.Join(' ', arguments)} ended with {ended.Code}, not {code}: {ended.Output}{ended.Error}");
        return ended;
    }
}
