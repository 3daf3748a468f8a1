using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using Pangu.V1;
using PanguCluster.Node.Security;
using PanguCluster.Node.Tests.Security;
using Xunit;

namespace PanguCluster.Node.Tests.Abuse;

/// <summary>Any bytes through the real edge: every call ends with a status that says whose fault it was, and nothing in the log says it was ours.</summary>
public class EdgeFuzzTests
{
    private const int Calls = 600;
    private const int Seed = 20_261_124;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly Marshaller<byte[]> Raw = Marshallers.Create(bytes => bytes, bytes => bytes);

    private static readonly StatusCode[] Allowed =
    [
        StatusCode.OK, StatusCode.InvalidArgument, StatusCode.NotFound, StatusCode.OutOfRange, StatusCode.ResourceExhausted, StatusCode.AlreadyExists,
        StatusCode.Unimplemented,
    ];

    private static readonly (string Service, string Name, bool Streams)[] Methods =
    [
        ("pangu.v1.Generation", "Generate", true), ("pangu.v1.Generation", "Resume", true), ("pangu.v1.Generation", "Cancel", false),
        ("pangu.v1.Generation", "Tokenize", false), ("pangu.v1.Generation", "Detokenize", false), ("pangu.v1.Generation", "GetModel", false),
        ("pangu.v1.Operator", "GetCluster", false), ("pangu.v1.Operator", "ListSessions", false), ("pangu.v1.Operator", "VerifySession", true),
        ("pangu.v1.Operator", "CancelSession", false), ("pangu.v1.Operator", "NoSuchMethod", false),
    ];

    [Fact]
    public async Task Call_should_end_with_the_caller_s_own_status_when_its_message_is_anything()
    {
        await using var edge = await SecureEdge.StartAsync(EdgeSecurity.Open);
        using var channel = GrpcChannel.ForAddress(edge.Grpc);
        var seen = new SortedSet<StatusCode>();

        for (int i = 0; i < Calls; i++)
        {
            var (service, name, streams) = Methods[i % Methods.Length];
            byte[] message = WireMutations.Of(Seed + i);
            var status = await CallAsync(channel, new Method<byte[], byte[]>(
                streams ? MethodType.ServerStreaming : MethodType.Unary, service, name, Raw, Raw), message).WaitAsync(Limit);
            Assert.True(Allowed.Contains(status.StatusCode), $"{name} of seed {Seed + i}, {WireMutations.Show(message)}: {status}");
            seen.Add(status.StatusCode);
        }

        Assert.Superset(new HashSet<StatusCode> { StatusCode.OK, StatusCode.InvalidArgument, StatusCode.NotFound, StatusCode.Unimplemented }, seen);
        await AssertSoundAsync(edge);
    }

    private static async Task<Status> CallAsync(GrpcChannel channel, Method<byte[], byte[]> method, byte[] message)
    {
        try
        {
            var invoker = channel.CreateCallInvoker();
            if (method.Type == MethodType.Unary)
                await invoker.AsyncUnaryCall(method, null, new CallOptions(), message);
            else
            {
                using var call = invoker.AsyncServerStreamingCall(method, null, new CallOptions(), message);
                while (await call.ResponseStream.MoveNext(CancellationToken.None))
                {
                }
            }
            return Status.DefaultSuccess;
        }
        catch (RpcException failed)
        {
            return failed.Status;
        }
    }

    /// <summary>The five bytes before a message, and what stands around them. INTERNAL is what gRPC itself prescribes for some of these.</summary>
    [Theory]
    [InlineData("compressed", new byte[] { 1, 0, 0, 0, 0 }, "application/grpc")]
    [InlineData("no such flag", new byte[] { 7, 0, 0, 0, 0 }, "application/grpc")]
    [InlineData("half a head", new byte[] { 0, 0, 0 }, "application/grpc")]
    [InlineData("half a message", new byte[] { 0, 0, 0, 0, 9, 1 }, "application/grpc")]
    [InlineData("4 GB", new byte[] { 0, 0xff, 0xff, 0xff, 0xff, 1 }, "application/grpc")]
    [InlineData("two messages", new byte[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, "application/grpc")]
    [InlineData("nothing", new byte[0], "application/grpc")]
    [InlineData("other content", new byte[] { 0, 0, 0, 0, 0 }, "text/plain")]
    [InlineData("other codec", new byte[] { 0, 0, 0, 0, 0 }, "application/grpc+json")]
    public async Task Call_should_end_when_its_frame_is_wrong(string what, byte[] body, string type)
    {
        await using var edge = await SecureEdge.StartAsync(EdgeSecurity.Open);
        using var http = new HttpClient { BaseAddress = edge.Grpc, Timeout = Limit };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/pangu.v1.Generation/Tokenize")
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);

        using var answer = await http.SendAsync(request);
        await answer.Content.ReadAsByteArrayAsync();

        string? status = answer.Headers.Concat(answer.TrailingHeaders).FirstOrDefault(h => h.Key == "grpc-status").Value?.First();
        Assert.True(status is not ("0" or "2") && (status is not null || (int)answer.StatusCode is >= 400 and < 500), $"{what}: {answer.StatusCode}, {status}");
        await AssertSoundAsync(edge);
    }

    /// <summary>Names and values that a call's metadata must not be able to hurt with.</summary>
    [Fact]
    public async Task Call_should_be_answered_or_refused_when_its_metadata_is_odd()
    {
        await using var edge = await SecureEdge.StartAsync(new TestKeys().Open());
        (string Name, string Value)[] odd =
        [
            ("authorization", "Bearer"), ("authorization", "Bearer " + new string('x', 8000)), ("authorization", "Basic Og=="),
            ("authorization", "bearer pangu_c1_"), ("x-api-key", "pangu_c1_abc"), ("grpc-timeout", "99999999999999S"), ("grpc-timeout", "-1S"),
            ("grpc-timeout", "1"), ("grpc-encoding", "zip"), ("grpc-accept-encoding", ",,,"), ("x-bin", "not base 64!"), ("te", "none"),
            ("x-long", new string('a', EdgeLimits.HeaderBytes + 100)), ("content-encoding", "gzip"), ("grpc-previous-rpc-attempts", "-7"),
        ];
        foreach (var (name, value) in odd)
        {
            // A connection each: too long a header ends it.
            using var http = new HttpClient { BaseAddress = edge.Grpc, Timeout = Limit };
            using var request = new HttpRequestMessage(HttpMethod.Post, "/pangu.v1.Generation/GetModel")
            {
                Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent([0, 0, 0, 0, 0]),
            };
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/grpc");
            if (name == "content-encoding")
                request.Content.Headers.TryAddWithoutValidation(name, value);
            else
                request.Headers.TryAddWithoutValidation(name, value);
            try
            {
                using var answer = await http.SendAsync(request);
                string? status = answer.Headers.Concat(answer.TrailingHeaders).FirstOrDefault(h => h.Key == "grpc-status").Value?.First();
                // 16: UNAUTHENTICATED. None of these is a key.
                Assert.True(status == "16" || (int)answer.StatusCode is >= 400 and < 500, $"{name}: {answer.StatusCode}, {status}");
            }
            catch (HttpRequestException cut)
            {
                Assert.True(name == "x-long", $"{name}: {cut}");
            }
        }
        AssertNoFault(edge);
    }

    [Fact]
    public async Task Connection_should_be_closed_and_the_next_be_served_when_its_http2_frames_are_anything()
    {
        await using var edge = await SecureEdge.StartAsync(EdgeSecurity.Open);
        var random = new Random(Seed);
        for (int i = 0; i < 150; i++)
        {
            using var socket = new TcpClient("127.0.0.1", edge.Grpc.Port);
            var stream = socket.GetStream();
            byte[] frames = Frames(random);
            try
            {
                await stream.WriteAsync(frames).AsTask().WaitAsync(Limit);
                socket.Client.Shutdown(SocketShutdown.Send);
                byte[] sink = new byte[4096];
                while (await stream.ReadAsync(sink).AsTask().WaitAsync(Limit) > 0)
                {
                }
            }
            catch (IOException)
            {
                // Closed with a word.
            }
        }
        await AssertSoundAsync(edge);
    }

    /// <summary>The words that open a connection, then frames of any type, flags, stream and content, their lengths mostly right.</summary>
    private static byte[] Frames(Random random)
    {
        using var bytes = new MemoryStream();
        if (random.Next(10) > 0)
            bytes.Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        if (random.Next(4) > 0)
            bytes.Write([0, 0, 0, 4, 0, 0, 0, 0, 0]);
        for (int frames = random.Next(1, 12); frames > 0; frames--)
        {
            byte[] payload = new byte[random.Next(0, 60)];
            random.NextBytes(payload);
            int length = random.Next(8) == 0 ? random.Next(1 << 24) : payload.Length;
            bytes.Write([
                (byte)(length >> 16), (byte)(length >> 8), (byte)length, (byte)random.Next(0, 12), (byte)random.Next(256), 0, 0, 0, (byte)random.Next(6),
            ]);
            bytes.Write(payload);
        }
        return bytes.ToArray();
    }

    private static async Task AssertSoundAsync(SecureEdge edge)
    {
        using var client = edge.Client((string?)null);
        int events = 0;
        await foreach (var _ in client.GenerateAsync(new GenerateRequest { Text = "good" }))
            events++;
        Assert.Equal(5, events);
        AssertNoFault(edge);
    }

    private static void AssertNoFault(SecureEdge edge)
    {
        string? bad = edge.Log.Text.Split('\n').FirstOrDefault(l => l.StartsWith("Error ", StringComparison.Ordinal) || l.StartsWith("Critical ", StringComparison.Ordinal));
        Assert.True(bad is null, bad);
    }
}
