using System.Net;
using System.Text.Json;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using PanguCluster.Node.Services;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.OpenAi;

/// <summary>The HTTP API at the real edge, before streams that a test plays.</summary>
public class OpenAiEdgeTests
{
    private const string Chat = "/v1/chat/completions";
    private const string Completions = "/v1/completions";
    private const string Hi = """ "messages":[{"role":"user","content":"hi"}] """;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private static HttpClient ClientOf(EdgeFixture edge) => new() { BaseAddress = edge.Http, Timeout = Limit };

    private static async Task<HttpResponseMessage> PostAsync(HttpClient http, string path, string body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = SseEvents.Json(body) };
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage response) =>
        JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;

    private static string? HeaderOf(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.Single() : null;

    [Fact]
    public async Task Chat_should_come_whole_when_it_is_not_streamed()
    {
        await using var edge = await EdgeFixture.StartAsync();
        using var http = ClientOf(edge);

        var response = await PostAsync(http, Chat, $$"""{"model":"test-model",{{Hi}}}""", ("Idempotency-Key", "mine"));

        var answer = await JsonAsync(response);
        Assert.Equal((HttpStatusCode.OK, "application/json", "mine"), (response.StatusCode, response.Content.Headers.ContentType?.MediaType, HeaderOf(response, "x-session-id")));
        Assert.Equal("t0 t1 t2 end", answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("chatcmpl-mine", answer.GetProperty("id").GetString());
        Assert.Equal("""{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}""", answer.GetProperty("usage").GetRawText());
        Assert.True(Assert.Single(edge.Gateway.Requests).NamedByCaller);
    }

    [Fact]
    public async Task Chat_should_come_chunk_by_chunk_with_ids_when_it_is_streamed()
    {
        await using var edge = await EdgeFixture.StartAsync();
        using var http = ClientOf(edge);

        var response = await PostAsync(http, Chat, $$"""{{{Hi}}, "stream":true,"stream_options":{"include_usage":true} }""", ("Idempotency-Key", "s"));
        var events = await SseEvents.ReadAsync(response);

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(["s:-1", "s:0", "s:1", "s:2"], events.Select(e => e.Id).OfType<string>());
        Assert.Equal(["", "t0 ", "t1 ", "t2 ", "end"], events[..5].Select(e => e.Choice.GetProperty("delta").GetProperty("content").GetString()));
        Assert.Equal("length", events[4].Choice.GetProperty("finish_reason").GetString());
        Assert.All(events[..5], e => Assert.Equal(JsonValueKind.Null, e.Json.GetProperty("usage").ValueKind));
        Assert.Equal((0, 12), (events[5].Json.GetProperty("choices").GetArrayLength(), events[5].Json.GetProperty("usage").GetProperty("total_tokens").GetInt32()));
        Assert.Equal("[DONE]", events[^1].Data);
    }

    [Fact]
    public async Task Prompts_and_choices_should_be_numbered_one_after_another_when_there_are_several()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = async (request, to, stop) =>
        {
            await to.WriteAsync(FakeGateway.Accepted(request), stop);
            await to.WriteAsync(FakeGateway.Token(0) with { Choice = 1, Text = request.SessionId + "b" }, stop);
            await to.WriteAsync(FakeGateway.Token(0) with { Text = request.SessionId + "a" }, stop);
            for (int choice = 0; choice < 2; choice++)
                await to.WriteAsync(new StreamEvent.Finished(choice, FinishReason.Stop, "", 2, 1), stop);
        };
        using var http = ClientOf(edge);
        const string body = """{"prompt":["x","y"],"n":2}""";

        var whole = await JsonAsync(await PostAsync(http, Completions, body, ("Idempotency-Key", "s")));
        var events = await SseEvents.ReadAsync(await PostAsync(http, Completions, body.Replace("2}", "2,\"stream\":true}", StringComparison.Ordinal), ("Idempotency-Key", "s")));

        Assert.Equal(["0s.0a", "1s.0b", "2s.1a", "3s.1b"], whole.GetProperty("choices").EnumerateArray()
            .Select(c => $"{c.GetProperty("index").GetInt32()}{c.GetProperty("text").GetString()}"));
        Assert.Equal("""{"prompt_tokens":4,"completion_tokens":4,"total_tokens":8}""", whole.GetProperty("usage").GetRawText());
        Assert.Equal("s:1,1,1,1", events.Last(e => e.Id is not null).Id);
        Assert.Equal(["0s.0a", "1s.0b", "2s.1a", "3s.1b"], events.Where(e => e.Id is not null)
            .Select(e => $"{e.Choice.GetProperty("index").GetInt32()}{e.Choice.GetProperty("text").GetString()}").Order());
    }

    [Fact]
    public async Task Completion_should_bring_the_prompt_alone_when_no_token_is_wanted_behind_it()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = PlayEcho;
        using var http = ClientOf(edge);

        var answer = await JsonAsync(await PostAsync(http, Completions, """{"prompt":"äb","max_tokens":0,"echo":true,"logprobs":1}"""));

        var choice = answer.GetProperty("choices")[0];
        Assert.Equal(("äb", "length"), (choice.GetProperty("text").GetString(), choice.GetProperty("finish_reason").GetString()));
        Assert.Equal("[null,-1,-2]", choice.GetProperty("logprobs").GetProperty("token_logprobs").GetRawText());
        Assert.Equal("[0,0,1]", choice.GetProperty("logprobs").GetProperty("text_offset").GetRawText());
        Assert.Equal(0, answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
    }

    [Fact]
    public async Task Streamed_completion_should_go_on_with_its_offsets_when_it_is_resumed()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = PlayEcho;
        using var http = ClientOf(edge);
        const string body = """{"prompt":"äb","max_tokens":9,"echo":true,"logprobs":1,"stream":true}""";

        var all = await SseEvents.ReadAsync(await PostAsync(http, Completions, body, ("Idempotency-Key", "s")));
        var rest = await SseEvents.ReadAsync(await PostAsync(http, Completions, body, ("Last-Event-ID", "s:1")));

        Assert.Equal("[5]", all.Single(e => e.Id == "s:1").Choice.GetProperty("logprobs").GetProperty("text_offset").GetRawText());
        Assert.Equal(all[4..].Select(Normal), rest.Select(Normal));
        Assert.Equal("s:2", rest[0].Id);
        Assert.Equal([0], Assert.Single(edge.Gateway.Resumes).NextIndices);

        static string Normal(SseEvent e) => e.Id + System.Text.RegularExpressions.Regex.Replace(e.Data, "\"created\":[0-9]+", "");
    }

    private static async Task PlayEcho(GenerationRequest request, System.Threading.Channels.ChannelWriter<StreamEvent> to, CancellationToken stop)
    {
        await to.WriteAsync(FakeGateway.Accepted(request), stop);
        await to.WriteAsync(new StreamEvent.Prompt([new PromptToken(0, 1, "", float.NaN, null)]), stop);
        await to.WriteAsync(new StreamEvent.Prompt([new PromptToken(1, 7, "ä", -1, [new TokenLogprob(7, -1)]), new PromptToken(2, 8, "b", -2, [new TokenLogprob(9, -1)])]), stop);
        for (int i = 0; i < 4; i++)
            await to.WriteAsync(FakeGateway.Token(i, 1), stop);
        await to.WriteAsync(new StreamEvent.Finished(0, FinishReason.Length, "", 3, 4), stop);
    }

    [Theory]
    [InlineData("s:4", new[] { 5 })]
    [InlineData("s:4,2", new[] { 4, 2 })]
    public async Task Chat_should_ask_the_session_for_what_is_left_when_it_is_resumed(string id, int[] next)
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = async (request, to, stop) =>
        {
            await to.WriteAsync(FakeGateway.Accepted(request), stop);
            await to.WriteAsync(FakeGateway.Token(next[0]), stop);
            for (int choice = 0; choice < next.Length; choice++)
                await to.WriteAsync(new StreamEvent.Finished(choice, FinishReason.Stop, "", 2, next[choice] + 1), stop);
        };
        using var http = ClientOf(edge);

        var events = await SseEvents.ReadAsync(await PostAsync(http, Chat, "{}", ("Last-Event-ID", id)));

        var resumed = Assert.Single(edge.Gateway.Resumes);
        Assert.Equal("s", resumed.SessionId);
        Assert.Equal(next, resumed.NextIndices);
        Assert.Equal(next.Length == 1 ? "s:5" : "s:5,2", events[0].Id);
        Assert.Equal($"t{next[0]} ", events[0].Choice.GetProperty("delta").GetProperty("content").GetString());
        Assert.Equal("[DONE]", events[^1].Data);
    }

    [Theory]
    [InlineData(FailureKind.Overloaded, 429, "rate_limit_exceeded", "1", null)]
    [InlineData(FailureKind.Unavailable, 503, "unavailable", "1", null)]
    [InlineData(FailureKind.Invalid, 400, null, null, null)]
    [InlineData(FailureKind.DeadlineExceeded, 504, "deadline_exceeded", null, null)]
    [InlineData(FailureKind.Internal, 500, "internal_error", null, null)]
    [InlineData(FailureKind.NotFound, 404, "session_not_found", null, null)]
    [InlineData(FailureKind.Conflict, 409, "session_conflict", null, "false")]
    [InlineData(FailureKind.OutOfRange, 400, "out_of_range", null, null)]
    public async Task Failure_should_be_a_status_before_the_first_event_and_an_error_event_behind_it(
        FailureKind kind, int status, string? code, string? retryAfter, string? shouldRetry)
    {
        await using var edge = await EdgeFixture.StartAsync();
        bool late = false;
        edge.Gateway.Play = async (request, to, stop) =>
        {
            if (late)
            {
                await to.WriteAsync(FakeGateway.Accepted(request), stop);
                await to.WriteAsync(FakeGateway.Token(0), stop);
            }
            await to.WriteAsync(new StreamEvent.Failed(kind, "because"), stop);
        };
        using var http = ClientOf(edge);
        string body = $$"""{{{Hi}}, "stream":true}""";

        var early = await PostAsync(http, Chat, body);
        late = true;
        var running = await SseEvents.ReadAsync(await PostAsync(http, Chat, body));
        var whole = await PostAsync(http, Chat, $$"""{{{Hi}}}""");

        foreach (var error in (JsonElement[])[await JsonAsync(early), running[^1].Json, await JsonAsync(whole)])
            Assert.Equal(("because", code), (error.GetProperty("error").GetProperty("message").GetString(), error.GetProperty("error").GetProperty("code").GetString()));
        Assert.Equal((status, status), ((int)early.StatusCode, (int)whole.StatusCode));
        Assert.Equal((retryAfter, shouldRetry), (HeaderOf(early, "Retry-After"), HeaderOf(early, "x-should-retry")));
        Assert.Equal(3, running.Count);
    }

    [Fact]
    public async Task Cancelled_session_should_be_told_and_not_look_finished_when_somebody_else_ends_it()
    {
        await using var edge = await EdgeFixture.StartAsync();
        edge.Gateway.Play = async (request, to, stop) =>
        {
            await to.WriteAsync(FakeGateway.Accepted(request), stop);
            await to.WriteAsync(new StreamEvent.Finished(0, FinishReason.Cancelled, "", 2, 0), stop);
        };
        using var http = ClientOf(edge);

        var whole = await PostAsync(http, Chat, $$"""{{{Hi}}}""");
        var events = await SseEvents.ReadAsync(await PostAsync(http, Chat, $$"""{{{Hi}}, "stream":true}"""));

        Assert.Equal(HttpStatusCode.Conflict, whole.StatusCode);
        Assert.Equal("cancelled", events[^1].Json.GetProperty("error").GetProperty("code").GetString());
    }

    [Theory]
    [InlineData(false, null, "cancelled")]
    [InlineData(false, "mine", "left")]
    [InlineData(true, null, "left")]
    public async Task Caller_who_goes_should_cancel_what_nobody_can_come_back_for(bool stream, string? key, string parting)
    {
        await using var edge = await EdgeFixture.StartAsync();
        var started = new TaskCompletionSource();
        edge.Gateway.Play = async (request, to, stop) =>
        {
            await to.WriteAsync(FakeGateway.Accepted(request), CancellationToken.None);
            await to.WriteAsync(FakeGateway.Token(0), CancellationToken.None);
            started.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        };
        using var http = ClientOf(edge);
        using var gone = new CancellationTokenSource();
        using var request = new HttpRequestMessage(HttpMethod.Post, Chat) { Content = SseEvents.Json($$"""{{{Hi}}, "stream":{{(stream ? "true" : "false")}}}""") };
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);

        var asking = http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, gone.Token);
        await started.Task.WaitAsync(Limit);
        // Who has seen nothing of a stream cannot know its name.
        if (stream)
            (await asking).Dispose();
        await gone.CancelAsync();
        if (!stream)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);

        var call = Assert.Single(edge.Gateway.Calls);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.Delay(Timeout.InfiniteTimeSpan, call.Ended).WaitAsync(Limit));
        Assert.Equal(parting, call.Parting);
    }

    [Fact]
    public async Task Stream_should_hold_its_source_up_when_the_caller_does_not_read()
    {
        await using var edge = await EdgeFixture.StartAsync();
        int written = 0;
        edge.Gateway.Play = async (request, to, stop) =>
        {
            await to.WriteAsync(FakeGateway.Accepted(request), stop);
            while (!stop.IsCancellationRequested)
            {
                await to.WriteAsync(FakeGateway.Token(written) with { Text = new string('x', 4096) }, stop);
                written++;
            }
        };
        using var http = ClientOf(edge);

        using var response = await PostAsync(http, Chat, $$"""{{{Hi}}, "stream":true}""");
        int before = -1;
        for (int waited = 0; before != Volatile.Read(ref written) && waited < 40; waited++)
        {
            before = Volatile.Read(ref written);
            await Task.Delay(250);
        }

        // What sockets and buffers take, some megabytes; unbounded it would have gone on all the time.
        Assert.Equal(before, Volatile.Read(ref written));
    }

    [Theory]
    [InlineData("", "application/json", 400, "invalid_json")]
    [InlineData("{", "application/json", 400, "invalid_json")]
    [InlineData("[]", "application/json", 400, "invalid_json")]
    [InlineData("{}", "text/plain", 415, "unsupported_media_type")]
    public async Task Body_should_be_refused_with_an_error_object_when_it_is_no_json_object(string body, string type, int status, string code)
    {
        await using var edge = await EdgeFixture.StartAsync();
        using var http = ClientOf(edge);

        var response = await http.PostAsync(new Uri(Chat, UriKind.Relative), new StringContent(body, System.Text.Encoding.UTF8, type));

        var error = (await JsonAsync(response)).GetProperty("error");
        Assert.Equal((status, code, "invalid_request_error"), ((int)response.StatusCode, error.GetProperty("code").GetString(), error.GetProperty("type").GetString()));
    }

    [Fact]
    public async Task Body_should_be_refused_when_it_is_too_deep_too_large_or_no_text()
    {
        await using var edge = await EdgeFixture.StartAsync();
        using var http = ClientOf(edge);

        var deep = await PostAsync(http, Chat, "{\"x\":" + new string('[', 40) + new string(']', 40) + "}");
        var large = await PostAsync(http, Chat, $$"""{"x":"{{new string('x', RequestLimits.MessageBytes)}}"}""");
        using var bytes = new ByteArrayContent([.. "{\"messages\":[{\"role\":\"user\",\"content\":\""u8, 0xff, 0xfe, .. "\"}]}"u8]);
        bytes.Headers.ContentType = new("application/json");
        var broken = await http.PostAsync(new Uri(Chat, UriKind.Relative), bytes);
        // A name that is cut for the message, in the middle of a character.
        var name = await PostAsync(http, Chat, $$"""{"model":"x{{string.Concat(Enumerable.Repeat("😀", 40))}}"}""");

        Assert.Equal((400, 413, 400, 404), ((int)deep.StatusCode, (int)large.StatusCode, (int)broken.StatusCode, (int)name.StatusCode));
        Assert.Equal("request_too_large", (await JsonAsync(large)).GetProperty("error").GetProperty("code").GetString());
        Assert.Equal("messages[0].content", (await JsonAsync(broken)).GetProperty("error").GetProperty("param").GetString());
        Assert.Equal("model_not_found", (await JsonAsync(name)).GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(http, Chat, $$"""{{{Hi}}}""")).StatusCode);
    }

    [Fact]
    public async Task Models_should_tell_the_served_model_and_nothing_else_when_asked()
    {
        await using var edge = await EdgeFixture.StartAsync();
        using var http = ClientOf(edge);

        var list = await JsonAsync(await http.GetAsync(new Uri("/v1/models", UriKind.Relative)));
        var one = await JsonAsync(await http.GetAsync(new Uri("/v1/models/test-model", UriKind.Relative)));
        var none = await http.GetAsync(new Uri("/v1/models/a/b", UriKind.Relative));
        var nowhere = await http.GetAsync(new Uri("/v1/embeddings", UriKind.Relative));

        Assert.Equal("test-model", list.GetProperty("data")[0].GetProperty("id").GetString());
        Assert.Equal(("test-model", "model", TestModel.Context), (one.GetProperty("id").GetString(), one.GetProperty("object").GetString(), one.GetProperty("max_model_len").GetInt32()));
        Assert.Equal((HttpStatusCode.NotFound, "model_not_found"), (none.StatusCode, (await JsonAsync(none)).GetProperty("error").GetProperty("code").GetString()));
        Assert.Equal((HttpStatusCode.NotFound, "unknown_url"), (nowhere.StatusCode, (await JsonAsync(nowhere)).GetProperty("error").GetProperty("code").GetString()));
    }
}
