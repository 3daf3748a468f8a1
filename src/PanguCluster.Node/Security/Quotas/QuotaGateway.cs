using System.Collections.Concurrent;
using System.Threading.Channels;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Node.Security;

/// <summary>
/// Holds every API key to its limits. Each node counts for itself: a cluster of N nodes lets a key have N times its limits, if the key's
/// callers spread themselves so. Calls of keys without limits pass untouched.
/// </summary>
public sealed class QuotaGateway(IGenerationGateway inner, ApiKeys keys, TimeProvider time) : IGenerationGateway
{
    private readonly ConcurrentDictionary<string, KeyUsage> _usage = new();

    public IStreamCall Start(GenerationRequest request) =>
        Limited(request.Owner) is not { } key ? inner.Start(request)
        : Admit(key, request.Prompt.Length, resumes: false, out var usage, out var refused) ? new CountedCall(inner.Start(request), key, usage, request.Detached)
        : refused!;

    public IStreamCall Resume(ResumeRequest request) =>
        Limited(request.Owner) is not { } key ? inner.Resume(request)
        : Admit(key, 0, resumes: true, out var usage, out var refused) ? new CountedCall(inner.Resume(request), key, usage, detached: false)
        : refused!;

    public Task<bool> CancelAsync(string sessionId, string owner, CancellationToken cancellation) => inner.CancelAsync(sessionId, owner, cancellation);

    private ApiKey? Limited(string owner) => keys.ById(owner) is { } key && (key.MaxSessions ?? key.TokensPerMinute) is not null ? key : null;

    private bool Admit(ApiKey key, int promptTokens, bool resumes, out KeyUsage usage, out RefusedCall? refused)
    {
        usage = _usage.GetOrAdd(key.Id, _ => new KeyUsage(time));
        refused = usage.TryStart(key, promptTokens, resumes) is var (why, retryAfter) ? new RefusedCall(why, retryAfter) : null;
        return refused is null;
    }

    private sealed class RefusedCall : IStreamCall
    {
        private readonly Channel<StreamEvent> _events = Channel.CreateBounded<StreamEvent>(1);

        public RefusedCall(string why, TimeSpan retryAfter)
        {
            _events.Writer.TryWrite(new StreamEvent.Failed(FailureKind.Overloaded, why) { RetryAfter = retryAfter });
            _events.Writer.Complete();
        }

        public ChannelReader<StreamEvent> Events => _events.Reader;

        public void Leave()
        {
        }

        public void Cancel()
        {
        }

        public void Dispose()
        {
        }
    }
}
