using PanguCluster.Chaos.Processes;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

/// <summary>Streams over HTTP that break off, and go on by the id of the last event.</summary>
public sealed class OpenAiResumeTests
{
    private const string Chat = "/v1/chat/completions";
    private const string Completions = "/v1/completions";
    private const string ChatFields = """ "messages":[{"role":"user","content":"Tell me a story."}] """;
    private const string PromptFields = """ "prompt":"Once upon a time there was","logprobs":2,"echo":true """;

    [Theory]
    [InlineData(Chat, ChatFields, 1, 20)]
    [InlineData(Chat, ChatFields, 3, 31)]
    [InlineData(Completions, PromptFields, 1, 9)]
    [InlineData(Completions, PromptFields, 2, 14)]
    public async Task Stream_should_go_on_byte_for_byte_when_the_caller_comes_back_with_the_last_id(string path, string fields, int choices, int events)
    {
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano);
        using var http = new HttpClient { BaseAddress = new Uri("http://" + node.Http) };
        string body = $$"""{{{fields}},"seed":11,"n":{{choices}},"max_tokens":60,"stream":true,"stream_options":{"include_usage":true} }""";

        var (session, first) = await ReadAsync(http, path, body, [], events);
        string last = Regex.Matches(first, "(?m)^id: (.*)$")[^1].Groups[1].Value;
        Assert.StartsWith(session + ":", last, StringComparison.Ordinal);
        var (_, rest) = await ReadAsync(http, path, body, [("Last-Event-ID", last)]);
        var (_, again) = await ReadAsync(http, path, choices == 1 && path == Chat ? """{"stream_options":{"include_usage":true} }""" : body, [("Last-Event-ID", last)]);

        // The same request in a session of its own, unbroken.
        var (other, unbroken) = await ReadAsync(http, path, body, []);
        var parts = PartsOf(first, session).Concat(PartsOf(rest, session)).ToList();
        Assert.EndsWith("data: [DONE]\n\n", rest, StringComparison.Ordinal);
        if (choices == 1)
        {
            Assert.Equal(PartsOf(unbroken, other), parts);
            Assert.Equal(PartsOf(rest, session), PartsOf(again, session));
        }
        // Choices may come mixed in another order.
        for (int choice = 0; choice < choices; choice++)
        {
            Assert.Equal(ChoiceOf(PartsOf(unbroken, other), choice), ChoiceOf(parts, choice));
            Assert.Equal(ChoiceOf(PartsOf(rest, session), choice), ChoiceOf(PartsOf(again, session), choice));
        }
        Assert.Equal(PartsOf(unbroken, other)[^2], parts[^2]);
    }

    [Fact]
    public async Task Resume_should_be_refused_with_its_own_code_when_there_is_nothing_to_go_on_with()
    {
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano);
        using var http = new HttpClient { BaseAddress = new Uri("http://" + node.Http) };
        var (session, _) = await ReadAsync(http, Chat, $$"""{{{ChatFields}},"max_tokens":4,"stream":true}""", []);

        async Task<(HttpStatusCode, string)> RefusalAsync(string id)
        {
            using var response = await SendAsync(http, Chat, "{}", [("Last-Event-ID", id)]);
            return (response.StatusCode, await response.Content.ReadAsStringAsync());
        }

        var (unknown, what) = await RefusalAsync("nobody:4");
        var (malformed, _) = await RefusalAsync("nobody");
        var (beyond, how) = await RefusalAsync(session + ":4000");
        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.BadRequest), (unknown, malformed));
        Assert.Contains("session_not_found", what, StringComparison.Ordinal);
        // The session is there: its stream begins, and then has no such place.
        Assert.Contains("out_of_range", how, StringComparison.Ordinal);
        Assert.True(beyond is HttpStatusCode.OK or HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Same_request_should_join_and_another_be_refused_when_the_idempotency_key_is_in_use()
    {
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano);
        using var http = new HttpClient { BaseAddress = new Uri("http://" + node.Http) };
        string body = $$"""{{{ChatFields}},"max_tokens":12}""";

        async Task<(int, string)> AskAsync(string with)
        {
            using var response = await SendAsync(http, Chat, with, [("Idempotency-Key", "mine")]);
            string text = await response.Content.ReadAsStringAsync();
            return ((int)response.StatusCode, Regex.Replace(text, "\"created\":[0-9]+", ""));
        }

        var first = await AskAsync(body);
        Assert.Equal(200, first.Item1);
        Assert.Equal(first, await AskAsync(body));
        var other = await AskAsync(body.Replace("12", "13", StringComparison.Ordinal));
        Assert.Equal(409, other.Item1);
        Assert.Contains("session_conflict", other.Item2, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_should_tell_what_the_node_has_done_when_it_has_answered()
    {
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano);
        using var http = new HttpClient { BaseAddress = new Uri("http://" + node.Http) };
        await ReadAsync(http, Chat, $$"""{{{ChatFields}},"max_tokens":4,"temperature":0,"stream":true}""", []);

        string text = await http.GetStringAsync(new Uri("/metrics", UriKind.Relative));

        Assert.Matches("(?m)^pangu_determinism_violations_total(\\{\\})? 0", text);
        Assert.Matches("(?m)^pangu_journal_up(\\{\\})? 1", text);
        Assert.Matches("(?m)^pangu_decoder_tokens_total(\\{\\})? [1-9]", text);
        Assert.Matches("(?m)^pangu_time_to_first_token_seconds_count(\\{\\})? 1", text);
        Assert.Matches("(?m)^pangu_group_rows_total\\{group=\"7\"\\} [1-9]", text);
        Assert.Matches("(?m)^pangu_kv_blocks\\{state=\"free\"\\} [1-9]", text);
        Assert.Matches("(?m)^pangu_kv_blocks\\{state=\"cached\"\\} [0-9]", text);
        Assert.Matches("(?m)^pangu_kv_blocks\\{state=\"used\"\\} [0-9]", text);
        foreach (string name in (string[])["pangu_streams_active", "pangu_stream_resumes_total", "pangu_decoder_failovers_total", "pangu_prefix_cache_queries_total",
            "pangu_prefix_cache_hits_total", "pangu_decoder_waiting", "pangu_cluster_nodes", "pangu_groups_ready", "pangu_requests_total"])
            Assert.Contains($"# HELP {name} ", text, StringComparison.Ordinal);
    }

    /// <summary>Events without what differs from one response to the next.</summary>
    private static List<string> PartsOf(string text, string session) =>
        [.. Regex.Replace(text.Replace(session, "SESSION", StringComparison.Ordinal), "\"created\":[0-9]+", "").Split("\n\n", StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>The events of one choice, without the ids, which count those of the others too.</summary>
    private static List<string> ChoiceOf(IEnumerable<string> parts, int choice) =>
        [.. parts.Where(p => p.Contains($"\"index\":{choice},", StringComparison.Ordinal)).Select(p => p[p.IndexOf("data:", StringComparison.Ordinal)..])];

    private static async Task<HttpResponseMessage> SendAsync(HttpClient http, string path, string body, (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>Reads so many events and breaks the connection off, or reads all.</summary>
    private static async Task<(string Session, string Text)> ReadAsync(
        HttpClient http, string path, string body, (string, string)[] headers, int events = int.MaxValue)
    {
        using var response = await SendAsync(http, path, body, headers);
        Assert.True(response.IsSuccessStatusCode, $"{response.StatusCode} {(response.IsSuccessStatusCode ? "" : await response.Content.ReadAsStringAsync())}");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var text = new StringBuilder();
        while (events > 0 && await reader.ReadLineAsync() is { } line)
        {
            text.Append(line).Append('\n');
            if (line.Length == 0)
                events--;
        }
        return (response.Headers.GetValues("x-session-id").Single(), text.ToString());
    }
}
