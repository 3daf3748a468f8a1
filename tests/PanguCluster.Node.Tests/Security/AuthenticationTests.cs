using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Pangu.V1;
using PanguCluster.Client;
using PanguCluster.Node.Security;
using Xunit;

namespace PanguCluster.Node.Tests.Security;

public class AuthenticationTests
{
    private static async Task<List<GenerateEvent>> GenerateAsync(PanguClient client, string text = "hi")
    {
        var events = new List<GenerateEvent>();
        await foreach (var happened in client.GenerateAsync(new GenerateRequest { Text = text }))
            events.Add(happened);
        return events;
    }

    [Fact]
    public async Task Generate_should_be_unauthenticated_when_the_key_is_missing_wrong_or_revoked()
    {
        var keys = new TestKeys();
        await using var edge = await SecureEdge.StartAsync(keys.Open());

        foreach (string? key in (string?[])[null, "wrong", keys.Client + "x", keys.Revoked])
        {
            using var client = edge.Client(key);
            var refused = await Assert.ThrowsAnyAsync<RpcException>(() => GenerateAsync(client));
            Assert.Equal(StatusCode.Unauthenticated, refused.StatusCode);
            Assert.Contains(key is null ? "no API key was sent" : "not known here, or revoked", refused.Status.Detail, StringComparison.Ordinal);
        }
        Assert.Empty(edge.Gateway.Requests);
    }

    [Fact]
    public async Task Session_should_belong_to_the_key_when_it_is_right()
    {
        var keys = new TestKeys();
        await using var edge = await SecureEdge.StartAsync(keys.Open());
        using var client = edge.Client(keys.Client);

        Assert.Equal(5, (await GenerateAsync(client)).Count);

        Assert.Equal("c1", Assert.Single(edge.Gateway.Requests).Owner);
    }

    [Fact]
    public async Task Operator_should_be_denied_to_a_client_s_key_and_open_to_an_operator_s()
    {
        var keys = new TestKeys();
        await using var edge = await SecureEdge.StartAsync(keys.Open());
        using var client = edge.Client(keys.Client);
        using var boss = edge.Client(keys.Operator);

        var denied = await Assert.ThrowsAnyAsync<RpcException>(() => client.GetClusterAsync());

        Assert.Equal(StatusCode.PermissionDenied, denied.StatusCode);
        Assert.Equal("n1", (await boss.GetClusterAsync()).AnsweredBy);
        Assert.Equal(5, (await GenerateAsync(boss)).Count);
    }

    [Fact]
    public async Task Signs_of_life_should_need_no_key_and_everything_else_one()
    {
        await using var edge = await SecureEdge.StartAsync(new TestKeys().Open());
        using var channel = GrpcChannel.ForAddress(edge.Grpc);
        using var http = new HttpClient { BaseAddress = edge.Http };

        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, (await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest())).Status);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri("/healthz", UriKind.Relative))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri("/readyz", UriKind.Relative))).StatusCode);
        var other = await http.GetAsync(new Uri("/nowhere", UriKind.Relative));
        Assert.Equal((HttpStatusCode.Unauthorized, "Bearer"), (other.StatusCode, other.Headers.WwwAuthenticate.ToString()));
        var error = JsonDocument.Parse(await other.Content.ReadAsStringAsync()).RootElement.GetProperty("error");
        Assert.Equal("invalid_api_key", error.GetProperty("code").GetString());
    }

    [Fact]
    public async Task Key_should_be_refused_within_seconds_when_the_file_drops_it()
    {
        var keys = new TestKeys();
        await using var edge = await SecureEdge.StartAsync(keys.Open());
        using var client = edge.Client(keys.Client);
        await client.GetModelAsync();

        keys.Write();

        for (int i = 0; ; i++)
            try
            {
                Assert.True(i < 300, "the key still works");
                await client.GetModelAsync();
                await Task.Delay(50);
            }
            catch (RpcException refused)
            {
                Assert.Equal(StatusCode.Unauthenticated, refused.StatusCode);
                break;
            }
    }

    [Fact]
    public async Task Log_should_hold_neither_key_nor_prompt_at_trace_level()
    {
        const string prompt = "zanzibar marmalade";
        var keys = new TestKeys();
        await using var edge = await SecureEdge.StartAsync(keys.Open());
        using var client = edge.Client(keys.Client);
        using var wrong = edge.Client(keys.Revoked);
        await GenerateAsync(client, prompt);
        await Assert.ThrowsAnyAsync<RpcException>(() => GenerateAsync(wrong, prompt));
        await Assert.ThrowsAnyAsync<RpcException>(() => client.GetClusterAsync());
        edge.Gateway.Play = (_, _, _) => throw new InvalidOperationException("a fault");
        await Assert.ThrowsAnyAsync<Exception>(() => GenerateAsync(client, prompt));
        using var http = new HttpClient { BaseAddress = edge.Http };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", keys.Client);
        await http.PostAsync(new Uri("/v1/completions", UriKind.Relative), new StringContent($$"""{"prompt":"{{prompt}}"}"""));

        string log = edge.Log.Text;
        Assert.Contains("/pangu.v1.Generation/Generate", log, StringComparison.Ordinal);
        Assert.Contains("has no valid credentials", log, StringComparison.Ordinal);
        foreach (string secret in (string[])[prompt, "zanzibar", keys.Client, keys.Revoked, keys.Client[9..], "Bearer pangu"])
            Assert.DoesNotContain(secret, log, StringComparison.Ordinal);
    }

    [Fact]
    public void Client_should_refuse_to_send_a_key_in_clear_to_another_machine() =>
        Assert.Contains("not https", Assert.Throws<ArgumentException>(() => new PanguClient(new PanguClientOptions("k"), "10.1.2.3:7440")).Message, StringComparison.Ordinal);

    [Fact]
    public void Everyone_should_be_the_operator_when_nothing_is_asked_for() => Assert.False(EdgeSecurity.Open.AsksForCredentials);
}
