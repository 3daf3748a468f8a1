using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using Pangu.V1;

namespace PanguCluster.Client.Tests.Scripted;

/// <summary>How a call ends before its time.</summary>
internal enum BreakKind
{
    /// <summary>The connection is cut: all its calls break.</summary>
    CutConnection,

    /// <summary>This call alone is reset.</summary>
    Reset,

    /// <summary>UNAVAILABLE, as from a node that is stopping.</summary>
    Unavailable,

    /// <summary>The stream ends in good order, too early.</summary>
    EndsEarly,

    /// <summary>RESOURCE_EXHAUSTED with a hint.</summary>
    Exhausted,

    /// <summary>Nothing more comes, and the connection lives.</summary>
    Silent,
}

/// <param name="After">Events sent before it.</param>
/// <param name="Repeats">Events before the asked-for index that the call sends first.</param>
internal sealed record Break(int After, BreakKind Kind, int Repeats = 0);

/// <summary>What the servers of a test do. Calls take the breaks in turn, whatever server they reach; then answers come whole.</summary>
internal sealed class Script
{
    private readonly ConcurrentDictionary<string, List<GenerateEvent>> _sessions = new(StringComparer.Ordinal);
    private int _calls;

    public ConcurrentQueue<Break> Breaks { get; } = new();

    /// <summary>Every Generate and Resume, in order.</summary>
    public ConcurrentQueue<object> Calls { get; } = new();

    /// <summary>Changes what a call (0, 1, ...) would send.</summary>
    public Func<int, List<GenerateEvent>, IEnumerable<GenerateEvent>> Change { get; set; } = (_, events) => events;

    /// <summary>Takes the place of a call: throws, or lets it go on.</summary>
    public Func<int, ServerCallContext, Task> Before { get; set; } = (_, _) => Task.CompletedTask;

    public int TokensEach { get; init; } = 6;

    /// <summary>Completes when a call's caller has gone before its end.</summary>
    public TaskCompletionSource CallerLeft { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromMilliseconds(20);

    public Task GenerateAsync(GenerateRequest request, IServerStreamWriter<GenerateEvent> to, ServerCallContext context)
    {
        var answer = _sessions.GetOrAdd(
            request.SessionId, id => Answers.Make(id, request.Sampling.Seed, request.HasN ? request.N : 1, TokensEach, request.Echo));
        Calls.Enqueue(request);
        return PlayAsync(answer, new ResumeRequest(), to, context);
    }

    public Task ResumeAsync(ResumeRequest request, IServerStreamWriter<GenerateEvent> to, ServerCallContext context)
    {
        Calls.Enqueue(request);
        return _sessions.TryGetValue(request.SessionId, out var answer)
            ? PlayAsync(answer, request, to, context)
            : throw new RpcException(new Status(StatusCode.NotFound, "no such session"));
    }

    /// <summary>As a cluster that has lost its journal.</summary>
    public void Forget() => _sessions.Clear();

    public void Know(string sessionId, int choices = 1) => _sessions[sessionId] = Answers.Make(sessionId, 1, choices, TokensEach);

    private async Task PlayAsync(List<GenerateEvent> answer, ResumeRequest from, IServerStreamWriter<GenerateEvent> to, ServerCallContext context)
    {
        int call = Interlocked.Increment(ref _calls) - 1;
        await Before(call, context);
        Breaks.TryDequeue(out var cut);
        var events = Change(call, [.. Answers.Rest(answer, Earlier(from, cut?.Repeats ?? 0)).Select(e => e.Clone())]);
        int sent = 0;
        try
        {
            foreach (var happened in events)
            {
                if (sent++ == cut?.After)
                    break;
                await to.WriteAsync(happened, context.CancellationToken);
            }
            await EndAsync(cut?.Kind, context);
        }
        catch (OperationCanceledException)
        {
            CallerLeft.TrySetResult();
            throw;
        }
    }

    private async Task EndAsync(BreakKind? kind, ServerCallContext context)
    {
        switch (kind)
        {
            case BreakKind.CutConnection:
                // What was sent may or may not arrive.
                context.GetHttpContext().Features.Get<IConnectionLifetimeFeature>()!.Abort();
                break;
            case BreakKind.Reset:
                context.GetHttpContext().Abort();
                break;
            case BreakKind.Unavailable:
                throw new RpcException(new Status(StatusCode.Unavailable, "the node is stopping"));
            case BreakKind.Exhausted:
                throw new RpcException(
                    new Status(StatusCode.ResourceExhausted, "the queue is full"), new Metadata { { "retry-after-ms", $"{RetryAfter.TotalMilliseconds:0}" } });
            case BreakKind.Silent:
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
                break;
        }
    }

    private static ResumeRequest Earlier(ResumeRequest from, int by) => new()
    {
        SessionId = from.SessionId, NextIndex = Math.Max(0, from.NextIndex - by), NextIndices = { from.NextIndices.Select(i => Math.Max(0, i - by)) },
    };
}
