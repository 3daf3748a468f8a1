using System.Collections.Concurrent;
using System.Threading.Channels;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;

namespace PanguCluster.Node.Tests.Services;

/// <summary>Stands in for the actors: a test says what every stream does.</summary>
internal sealed class FakeGateway : IGenerationGateway
{
    public ConcurrentQueue<GenerationRequest> Requests { get; } = [];

    /// <summary>Writes the events of a stream; the channel is completed afterwards.</summary>
    public Func<GenerationRequest, ChannelWriter<StreamEvent>, CancellationToken, Task> Play { get; set; } = PlayTokens(3);

    public ConcurrentQueue<ResumeRequest> Resumes { get; } = [];
    public ConcurrentQueue<FakeCall> Calls { get; } = [];
    public ConcurrentQueue<string> Cancelled { get; } = [];

    /// <summary>Thrown at who cancels.</summary>
    public Exception? NoCancelling { get; set; }

    public IStreamCall Start(GenerationRequest request)
    {
        Requests.Enqueue(request);
        return Run(request);
    }

    public IStreamCall Resume(ResumeRequest request)
    {
        Resumes.Enqueue(request);
        return Run(new GenerationRequest(request.SessionId, [1], 8, new SamplingParameters(), [], [], request.Deadline));
    }

    public Task<bool> CancelAsync(string sessionId, string owner, CancellationToken cancellation)
    {
        if (NoCancelling is { } why)
            return Task.FromException<bool>(why);
        Cancelled.Enqueue(sessionId);
        return Task.FromResult(Requests.Any(r => r.SessionId == sessionId && r.Owner == owner));
    }

    private FakeCall Run(GenerationRequest request)
    {
        var channel = Channel.CreateBounded<StreamEvent>(64);
        var call = new FakeCall(channel.Reader);
        Calls.Enqueue(call);
        _ = Task.Run(async () =>
        {
            try
            {
                await Play(request, channel.Writer, call.Ended);
            }
            finally
            {
                channel.Writer.Complete();
            }
        }, CancellationToken.None);
        return call;
    }

    public static Func<GenerationRequest, ChannelWriter<StreamEvent>, CancellationToken, Task> PlayTokens(int count) => async (request, writer, stop) =>
    {
        await writer.WriteAsync(Accepted(request), stop);
        for (int i = 0; i < count; i++)
            await writer.WriteAsync(Token(i, request.Sampling.Logprobs), stop);
        await writer.WriteAsync(new StreamEvent.Finished(0, FinishReason.Length, "end", request.Prompt.Length, count), stop);
    };

    public static StreamEvent.Accepted Accepted(GenerationRequest request) =>
        new(request.SessionId, request.Sampling.Seed, "test-model", request.Prompt.Length);

    public static StreamEvent.Token Token(int index, int logprobs = -1) => new(0, new SampledToken(index, 100 + index, logprobs < 0 ? float.NaN : -0.5f,
        logprobs <= 0 ? null : [.. Enumerable.Range(0, logprobs).Select(i => new TokenLogprob(i, -i))]), $"t{index} ");
}

internal sealed class FakeCall(ChannelReader<StreamEvent> events) : IStreamCall
{
    private readonly CancellationTokenSource _ended = new();

    public CancellationToken Ended => _ended.Token;

    /// <summary>How the caller went: "left" or "cancelled"; empty before.</summary>
    public string Parting { get; private set; } = "";

    public ChannelReader<StreamEvent> Events => events;

    public void Leave() => End("left");

    public void Cancel() => End("cancelled");

    public void Dispose() => Leave();

    private void End(string how)
    {
        if (Parting.Length == 0)
            Parting = how;
        _ended.Cancel();
    }
}

internal sealed class FakeView : IClusterView
{
    public ClusterSnapshot Current { get; set; } = Ready();

    public static ClusterSnapshot Ready(string state = "Ready") => new(
        "test-model", new string('a', 64), 1, 3, 0.0,
        [
            new NodeInfo("n1", "akka.tcp://pangu@127.0.0.1:1", "Up", ["decoder", "expert", "gateway"], "127.0.0.1:2", "uds:x", [0, 1],
                new DecoderLoad(1, 2, 30, 32, 400, 50, 6, 7, 800, 90), "avx2", new string('a', 64)),
            new NodeInfo("n2", "akka.tcp://pangu@127.0.0.1:3", "Up", ["expert"], "", "uds:y", [2], null, "avx2", new string('a', 64)),
        ],
        [new GroupInfo(0, "n1", "Ready", 1, 12, 1000), new GroupInfo(1, "n1", "Ready", 1, 12, 1000), new GroupInfo(2, state == "Missing" ? "" : "n2", state, 2, 12, 1000)]);
}
