using System.Net.Sockets;
using System.Text;
using PanguCluster.Node.Security;
using Xunit;

namespace PanguCluster.Node.Tests.Security;

/// <summary>Raw sockets against the HTTP endpoint: each loses its connection, and the server serves on.</summary>
public class AbuseTests
{
    private static CancellationToken Late => new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;

    private static async Task<string> SayAsync(SecureEdge edge, string request)
    {
        using var socket = new TcpClient("127.0.0.1", edge.Http.Port);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), Late);
        return await ReadAllAsync(stream);
    }

    private static async Task<string> ReadAllAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII);
        try
        {
            return await reader.ReadToEndAsync(Late);
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static async Task AssertServingAsync(SecureEdge edge)
    {
        using var http = new HttpClient { BaseAddress = edge.Http };
        Assert.Equal("ok\n", await http.GetStringAsync(new Uri("/healthz", UriKind.Relative), Late));
    }

    [Theory]
    [InlineData("100 MB body", "401")]
    [InlineData("long header", "431")]
    [InlineData("many headers", "431")]
    [InlineData("long line", "414")]
    [InlineData("garbage", "400")]
    public async Task Server_should_refuse_at_once_and_serve_on_when_a_request_is_oversized(string what, string status)
    {
        await using var edge = await SecureEdge.StartAsync(new TestKeys().Open());

        // None sends the body that it announces: the answer must not wait for it.
        string answer = await SayAsync(edge, what switch
        {
            "100 MB body" => "POST /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 104857600\r\n\r\n",
            "long header" => $"GET /healthz HTTP/1.1\r\nHost: x\r\nX: {new string('a', EdgeLimits.HeaderBytes + 1)}\r\n\r\n",
            "many headers" => "GET /healthz HTTP/1.1\r\nHost: x\r\n" + string.Concat(Enumerable.Range(0, EdgeLimits.Headers + 1).Select(i => $"X{i}: 1\r\n")) + "\r\n",
            "long line" => $"GET /{new string('a', 16384)} HTTP/1.1\r\nHost: x\r\n\r\n",
            _ => "\u0001\u0002\u0003 not http\r\n\r\n",
        });

        Assert.StartsWith("HTTP/1.1 " + status, answer, StringComparison.Ordinal);
        await AssertServingAsync(edge);
    }

    [Fact]
    public async Task Server_should_hang_up_when_a_client_sends_its_headers_drop_by_drop()
    {
        await using var edge = await SecureEdge.StartAsync(EdgeSecurity.Open);
        using var socket = new TcpClient("127.0.0.1", edge.Http.Port);
        var stream = socket.GetStream();
        await stream.WriteAsync("GET /healthz HTTP/1.1\r\nHost: x\r\n"u8.ToArray(), Late);
        var answer = ReadAllAsync(stream);

        for (int i = 0; !answer.IsCompleted; i++)
        {
            Assert.True(i < 300, "the connection is still open");
            try
            {
                await stream.WriteAsync("X"u8.ToArray(), Late);
            }
            catch (IOException)
            {
                break;
            }
            await Task.Delay(100, Late);
        }

        Assert.True(await answer is "" or ['H', ..] && !(await answer).Contains("200 OK", StringComparison.Ordinal));
        await AssertServingAsync(edge);
    }

    [Fact]
    public async Task Server_should_serve_on_when_a_thousand_connections_say_nothing()
    {
        await using var edge = await SecureEdge.StartAsync(EdgeSecurity.Open);
        var silent = new List<TcpClient>();
        try
        {
            for (int i = 0; i < 1000; i++)
                silent.Add(new TcpClient("127.0.0.1", edge.Http.Port));
            await AssertServingAsync(edge);
        }
        finally
        {
            silent.ForEach(s => s.Dispose());
        }
    }
}
