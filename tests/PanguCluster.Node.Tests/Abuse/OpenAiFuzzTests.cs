using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Xunit;
using PanguCluster.Node.OpenAi;
using PanguCluster.Node.Security;
using PanguCluster.Node.Tests.Security;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Abuse;

/// <summary>Any body, and any of the headers that name a session, at the OpenAI-compatible endpoints.</summary>
public class OpenAiFuzzTests
{
    private const int Calls = 500;
    private const int Seed = 20_261_125;

    [Property(MaxTest = 10_000)]
    public void Body_should_be_served_or_refused_and_nothing_else_when_it_is_anything(DoNotSize<int> seed)
    {
        var model = TestModel.Create();
        JsonElement body;
        try
        {
            body = JsonDocument.Parse(JsonMutations.Of(seed.Item), new JsonDocumentOptions { MaxDepth = 32 }).RootElement;
        }
        catch (JsonException)
        {
            return; // refused before it is looked at
        }
        if (body.ValueKind != JsonValueKind.Object)
            return;
        foreach (CompletionService.RequestReader read in (CompletionService.RequestReader[])[ChatRequests.Read, CompletionRequests.Read])
            try
            {
                foreach (var request in read(body, model).Check(model, null, "fresh", 7, ""))
                    EngineRules.AssertRuns(request);
            }
            catch (ApiException refused)
            {
                Assert.InRange(refused.Error.Status, 400, 404);
                Assert.InRange(refused.Error.Message.Length, 1, 400);
            }
    }

    [Property(MaxTest = 5000)]
    public void Last_event_id_should_name_a_place_or_be_refused_when_it_is_anything(string? text, int[] numbers, uint cut)
    {
        string id = "session.1:" + string.Join(',', numbers.Select(n => n.ToString(CultureInfo.InvariantCulture)));
        foreach (string any in (string[])[text ?? "", id, id[..(int)(cut % (uint)(id.Length + 1))], text + id, id + text, "s:2147483647", "s:1,2147483647"])
            try
            {
                var last = LastEvent.Parse(any);
                Assert.InRange(last.Session.Length, 1, 64);
                Assert.All(last.Next, next => Assert.InRange(next, 0, int.MaxValue));
            }
            catch (ApiException refused)
            {
                Assert.Equal(400, refused.Error.Status);
            }
    }

    [Fact]
    public async Task Call_should_be_answered_with_an_error_object_when_its_body_and_headers_are_anything()
    {
        await using var edge = await SecureEdge.StartAsync(EdgeSecurity.Open);
        using var http = new HttpClient { BaseAddress = edge.Http, Timeout = TimeSpan.FromSeconds(30) };
        var random = new Random(Seed);
        var seen = new SortedSet<int>();
        for (int i = 0; i < Calls; i++)
        {
            byte[] body = JsonMutations.Of(Seed + i);
            using var request = new HttpRequestMessage(HttpMethod.Post, random.Next(2) == 0 ? "/v1/chat/completions" : "/v1/completions");
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(random.Next(20) == 0 ? "text/plain" : "application/json");
            if (random.Next(4) == 0)
                request.Headers.TryAddWithoutValidation(random.Next(2) == 0 ? "Last-Event-ID" : "Idempotency-Key", OddName(random));
            using var answer = await http.SendAsync(request);
            string text = await answer.Content.ReadAsStringAsync();
            string picture = $"seed {Seed + i}, {Encoding.UTF8.GetString(body)}: {(int)answer.StatusCode} {text}";
            seen.Add((int)answer.StatusCode);
            if ((int)answer.StatusCode == 200)
                continue;
            Assert.True((int)answer.StatusCode is >= 400 and < 500, picture);
            var error = JsonDocument.Parse(text).RootElement.GetProperty("error");
            Assert.True(error.GetProperty("message").GetString()!.Length > 0 && error.GetProperty("type").GetString()!.Length > 0, picture);
        }

        Assert.Superset(new HashSet<int> { 200, 400, 415 }, seen);
        string? bad = edge.Log.Text.Split('\n').FirstOrDefault(l => l.StartsWith("Error ", StringComparison.Ordinal) || l.StartsWith("Critical ", StringComparison.Ordinal));
        Assert.True(bad is null, bad);
    }

    private static string OddName(Random random) => random.Next(7) switch
    {
        0 => "s:" + random.Next(),
        1 => "s:1,2,3",
        2 => new string('x', random.Next(1, 300)),
        3 => ":::",
        4 => "s:-2147483648",
        5 => "a b;\t=",
        _ => "s:" + new string('9', 40),
    };
}
