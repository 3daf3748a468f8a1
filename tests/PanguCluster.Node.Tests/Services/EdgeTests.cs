using System.Net;
using System.Text;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1Alpha;
using Pangu.V1;
using Xunit;

namespace PanguCluster.Node.Tests.Services;

public class EdgeTests
{
    private static readonly Marshaller<byte[]> Raw = Marshallers.Create(bytes => bytes, bytes => bytes);

    /// <summary>Messages that the protobuf library cannot read, and the field that must be named. 0xff never occurs in UTF-8.</summary>
    public static TheoryData<string, byte[]> Unreadable => new()
    {
        { "text: not valid UTF-8", [0x0a, 3, (byte)'a', 0xff, (byte)'b'] },
        { "stop[1]: not valid UTF-8", [0x0a, 1, (byte)'a', 0x32, 1, (byte)'x', 0x32, 1, 0xff] },
        { "session_id: not valid UTF-8", [0x0a, 1, (byte)'a', 0x5a, 2, 0xc3, 0x28] },
        { "chat.messages[1].content: not valid UTF-8", [0x1a, 14, 0x0a, 6, 0x0a, 4, .. "user"u8, 0x0a, 4, 0x12, 2, 0xe4, 0xb8] },
        { "message: not a readable GenerateRequest", [0x0a, 200, 1, 1] },
    };

    [Theory]
    [MemberData(nameof(Unreadable))]
    public async Task Generate_should_name_the_field_when_the_message_is_unreadable(string says, byte[] message)
    {
        await using var edge = await EdgeFixture.StartAsync();
        var method = new Method<byte[], byte[]>(MethodType.ServerStreaming, "pangu.v1.Generation", "Generate", Raw, Raw);

        using var call = edge.Channel.CreateCallInvoker().AsyncServerStreamingCall(method, null, new CallOptions(), message);
        var failed = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal(StatusCode.InvalidArgument, failed.StatusCode);
        Assert.StartsWith(says, failed.Status.Detail, StringComparison.Ordinal);
        Assert.Empty(edge.Gateway.Requests);
    }

    [Fact]
    public async Task Generate_should_refuse_with_resource_exhausted_when_the_message_is_too_large()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var failed = await Assert.ThrowsAnyAsync<RpcException>(async () =>
        {
            await foreach (var _ in edge.Client.GenerateAsync(new GenerateRequest { Text = new string('x', 5 << 20) }))
            {
            }
        });

        Assert.Equal(StatusCode.ResourceExhausted, failed.StatusCode);
        Assert.NotEmpty(await edge.Client.TokenizeAsync("still serving"));
    }

    [Fact]
    public async Task Health_should_follow_the_route_table_when_a_group_is_lost()
    {
        await using var edge = await EdgeFixture.StartAsync();
        var health = new Health.HealthClient(edge.Channel);
        using var http = new HttpClient { BaseAddress = edge.Http };

        var serving = await health.CheckAsync(new HealthCheckRequest());
        var ready = await http.GetAsync(new Uri("/readyz", UriKind.Relative));
        edge.View.Current = FakeView.Ready("Missing");
        var lost = await health.CheckAsync(new HealthCheckRequest());
        var unready = await http.GetAsync(new Uri("/readyz", UriKind.Relative));
        var alive = await http.GetAsync(new Uri("/healthz", UriKind.Relative));

        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, serving.Status);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, lost.Status);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK), (ready.StatusCode, unready.StatusCode, alive.StatusCode));
        Assert.Contains("group 2", await unready.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reflection_should_list_the_public_services_when_asked()
    {
        await using var edge = await EdgeFixture.StartAsync();
        var reflection = new ServerReflection.ServerReflectionClient(edge.Channel);

        using var call = reflection.ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" });
        await call.RequestStream.CompleteAsync();
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        var names = call.ResponseStream.Current.ListServicesResponse.Service.Select(s => s.Name);
        Assert.Superset(new HashSet<string> { "pangu.v1.Generation", "pangu.v1.Operator", "grpc.health.v1.Health" }, names.ToHashSet());
    }

    [Fact]
    public async Task GetCluster_should_tell_nodes_groups_and_load_when_asked()
    {
        await using var edge = await EdgeFixture.StartAsync();

        var cluster = await edge.Client.GetClusterAsync();

        Assert.Equal((true, 0.0, 3L, "n1"), (cluster.Ready, cluster.ImbalanceScore, cluster.RouteEpoch, cluster.AnsweredBy));
        Assert.Equal(["n1", "n2"], cluster.Nodes.Select(n => n.Id));
        Assert.Equal((1, 2, 30, 32), (cluster.Nodes[0].Load.Running, cluster.Nodes[0].Load.Waiting, cluster.Nodes[0].Load.FreeBlocks, cluster.Nodes[0].Load.TotalBlocks));
        Assert.Equal((7, 800L, 90L), (cluster.Nodes[0].Load.CachedBlocks, cluster.Nodes[0].Load.PrefixQueries, cluster.Nodes[0].Load.PrefixHits));
        Assert.Null(cluster.Nodes[1].Load);
        Assert.Equal([(0, "n1", 12L), (1, "n1", 12L), (2, "n2", 12L)], cluster.Groups.Select(g => (g.Group_, g.NodeId, g.Rows)));
    }

    [Fact]
    public void Unreadable_text_should_be_the_plain_bytes_when_written_by_hand() =>
        Assert.Equal(new GenerateRequest { Text = "ab" }, GenerateRequest.Parser.ParseFrom([0x0a, 2, .. Encoding.UTF8.GetBytes("ab")]));
}
