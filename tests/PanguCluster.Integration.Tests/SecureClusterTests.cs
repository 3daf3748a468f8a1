using PanguCluster.Chaos.Processes;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

/// <summary>Real processes with the certificates and keys that the console makes.</summary>
public sealed class SecureClusterTests : IDisposable
{
    private const string Prompt = "Once upon a quetzalcoatlus there was";

    private readonly string _folder = Directory.CreateTempSubdirectory("pangu-secure-").FullName;

    private string Certs => Path.Combine(_folder, "certs");
    private string Keys => Path.Combine(_folder, "keys.json");

    private string Cert(string name) => Path.Combine(Certs, name);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string[] Member(int node) =>
        ["--cluster-cert", Cert($"node-{node}.crt"), "--cluster-key", Cert($"node-{node}.key"), "--cluster-ca", Cert("ca.crt")];

    private async Task<string> NewKeyAsync(string role)
    {
        var made = await RunningProgram.RunPanguAsync("keys", "new", Keys, "--name", role, "--role", role);
        Assert.True(made.Code == 0, made.Error);
        return made.Output.Trim();
    }

    private static async Task<string> AnswerAsync(PanguClient client)
    {
        string text = "";
        await foreach (var happened in client.GenerateAsync(new GenerateRequest { Text = Prompt, MaxTokens = 12, Sampling = new Sampling { Temperature = 0 } }))
            text += happened.Token?.Text ?? happened.Finished?.Text;
        return text;
    }

    [Fact]
    public async Task Two_nodes_should_serve_over_mutual_tls_and_a_third_without_a_certificate_should_stay_out()
    {
        var made = await RunningProgram.RunPanguAsync("certs", Certs, "--nodes", "2");
        Assert.True(made.Code == 0, made.Error);
        Assert.Equal(2, (await RunningProgram.RunPanguAsync("certs", Certs, "--nodes", "0")).Code);
        Assert.Equal(1, (await RunningProgram.RunPanguAsync("certs", Certs)).Code);
        string key = await NewKeyAsync("client");
        string boss = await NewKeyAsync("operator");
        string[] common = ["--model", Repository.Nano, "--min-expert-nodes", "2", "--log-level", "trace"];
        string[] edge = ["--tls-cert", Cert("node-1.crt"), "--tls-key", Cert("node-1.key"), "--api-keys", Keys];

        await using var first = ServeNode.Start([.. common, .. edge, .. Member(1)]);
        await using var second = ServeNode.Start([.. common, .. Member(2), "--seed-node", first.Cluster, "--node-id", "second"]);
        await first.ReadyAsync();
        await second.ReadyAsync();

        // The third has the right cluster address and model, and no certificate; the fourth has another authority's.
        await using var third = ServeNode.Start([.. common, "--seed-node", first.Cluster, "--node-id", "third"]);
        await RunningProgram.RunPanguAsync("certs", Path.Combine(_folder, "others"));
        string Other(string name) => Path.Combine(_folder, "others", name);
        await using var fourth = ServeNode.Start([.. common, "--seed-node", first.Cluster, "--node-id", "fourth",
            "--cluster-cert", Other("node-1.crt"), "--cluster-key", Other("node-1.key"), "--cluster-ca", Other("ca.crt")]);

        using var client = new PanguClient(new PanguClientOptions(key, Cert("ca.crt")), first.Grpc);
        using var @operator = new PanguClient(new PanguClientOptions(boss, Cert("ca.crt")), first.Grpc);
        string expected = await AnswerAsync(second.Client);
        Assert.Equal(expected, await AnswerAsync(client));
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAnyAsync<RpcException>(() => client.GetClusterAsync())).StatusCode);
        Assert.Equal(["node-", "secon"], (await @operator.GetClusterAsync()).Nodes.Select(n => n.Id[..5]).Order());
        Assert.Equal(0, (await RunningProgram.RunPanguAsync("status", "--server", first.Grpc, "--ca", Cert("ca.crt"), "--api-key", boss)).Code);

        await Wait.UntilAsync(() => first.Program.Error.Contains("is not signed by CN=PanguCluster development CA", StringComparison.Ordinal),
            RunningProgram.Limit, () => first.Program.Error);
        await Wait.UntilAsync(() => fourth.Program.Error.Contains("is not signed by CN=PanguCluster development CA", StringComparison.Ordinal)
                || fourth.Program.Error.Contains("TLS", StringComparison.Ordinal),
            RunningProgram.Limit, () => fourth.Program.Error);
        Assert.DoesNotContain("ready", third.Program.Output + fourth.Program.Output, StringComparison.Ordinal);
        Assert.Equal(2, (await @operator.GetClusterAsync()).Nodes.Count);

        foreach (string log in (string[])[first.Program.Error, second.Program.Error])
        {
            Assert.Contains("trce", log, StringComparison.Ordinal);
            foreach (string secret in (string[])["quetzalcoatlus", key, boss, key[15..], boss[15..]])
                Assert.DoesNotContain(secret, log, StringComparison.Ordinal);
        }
    }
}
