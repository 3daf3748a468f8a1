using System.Net;
using System.Text.RegularExpressions;
using PanguCluster.Actors.Streams;
using PanguCluster.Node.Tests.OpenAi;
using PanguCluster.Node.Tests.Security;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Metrics;

public class MetricsTests
{
    private static readonly Uri Metrics = new("/metrics", UriKind.Relative);

    [Fact]
    public async Task Metrics_should_count_calls_of_grpc_and_http_alike_when_they_end()
    {
        await using var edge = await EdgeFixture.StartAsync();
        await using var stranger = await EdgeFixture.StartAsync();
        using var http = new HttpClient { BaseAddress = edge.Http };
        const string body = """{"prompt":"ab","max_tokens":3}""";

        await foreach (var _ in edge.Client.GenerateAsync(new Pangu.V1.GenerateRequest { Text = "ab" }))
        {
        }
        await http.PostAsync(new Uri("/v1/completions", UriKind.Relative), SseEvents.Json(body));
        edge.Gateway.Play = async (_, to, stop) => await to.WriteAsync(new StreamEvent.Failed(FailureKind.Overloaded, "later"), stop);
        await http.PostAsync(new Uri("/v1/completions", UriKind.Relative), SseEvents.Json(body));
        using var others = new HttpClient { BaseAddress = stranger.Http };
        await others.PostAsync(new Uri("/v1/completions", UriKind.Relative), SseEvents.Json(body));
        string text = await http.GetStringAsync(Metrics);

        Assert.Matches("(?m)^pangu_requests_total\\{kind=\"start\"\\} 3( |$)", text);
        Assert.Matches("(?m)^pangu_choices_finished_total\\{reason=\"length\"\\} 2( |$)", text);
        Assert.Matches("(?m)^pangu_requests_failed_total\\{reason=\"overloaded\"\\} 1( |$)", text);
        Assert.Matches("(?m)^pangu_tokens_delivered_total(\\{\\})? 6( |$)", text);
        Assert.Matches("(?m)^pangu_prompt_tokens_total(\\{\\})? 6( |$)", text);
        Assert.Matches("(?m)^pangu_time_to_first_token_seconds_count(\\{\\})? 2( |$)", text);
        Assert.Matches("(?m)^pangu_time_per_output_token_seconds_count(\\{\\})? 4( |$)", text);
        Assert.Contains("pangu_time_to_first_token_seconds_bucket{le=\"0.005\"}", text, StringComparison.Ordinal);
        Assert.DoesNotContain("pangu_requests_left_total", text, StringComparison.Ordinal);
        foreach (string name in Regex.Matches(text, "(?m)^# TYPE (pangu_[a-z_]+)").Select(m => m.Groups[1].Value))
            Assert.Contains($"# HELP {name} ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_should_be_for_operators_only_when_keys_are_in_use()
    {
        var keys = new TestKeys();
        await using var edge = await SecureEdge.StartAsync(keys.Open());
        using var http = new HttpClient { BaseAddress = edge.Http };

        async Task<HttpStatusCode> StatusAsync(string path, string? key)
        {
            http.DefaultRequestHeaders.Authorization = key is null ? null : new("Bearer", key);
            return (await http.GetAsync(new Uri(path, UriKind.Relative))).StatusCode;
        }

        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden, HttpStatusCode.OK),
            (await StatusAsync("/metrics", null), await StatusAsync("/metrics", keys.Client), await StatusAsync("/metrics", keys.Operator)));
        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.OK), (await StatusAsync("/v1/models", null), await StatusAsync("/v1/models", keys.Client)));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync("/v1/nowhere", null));
    }
}
