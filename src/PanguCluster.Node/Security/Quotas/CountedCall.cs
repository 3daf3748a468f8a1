using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Node.Security;

/// <summary>
/// A call whose place and tokens are counted. When the caller of a detached session leaves, this stays in its place and reads on: the
/// session runs to its end anyway, and would else run uncounted.
/// </summary>
internal sealed class CountedCall : IStreamCall
{
    private readonly IStreamCall _inner;
    private readonly ApiKey _key;
    private readonly KeyUsage _usage;
    private readonly bool _detached;
    private int _left;

    public CountedCall(IStreamCall inner, ApiKey key, KeyUsage usage, bool detached)
    {
        (_inner, _key, _usage, _detached) = (inner, key, usage, detached);
        Events = new Counting(this);
    }

    public ChannelReader<StreamEvent> Events { get; }

    public void Leave()
    {
        if (_detached)
            StayInItsPlace();
        else
            _inner.Leave();
    }

    public void Cancel() => _inner.Cancel();

    public void Dispose()
    {
        if (_detached && !_inner.Events.Completion.IsCompleted)
            StayInItsPlace();
        else
            End();
    }

    private void StayInItsPlace()
    {
        if (Interlocked.Exchange(ref _left, 1) == 0)
            _ = ReadOnAsync();
    }

    private async Task ReadOnAsync()
    {
        try
        {
            while (await _inner.Events.WaitToReadAsync().ConfigureAwait(false))
                while (_inner.Events.TryRead(out var happened))
                    Count(happened);
        }
        finally
        {
            Release();
        }
    }

    private void End()
    {
        if (Interlocked.Exchange(ref _left, 1) == 0)
            Release();
    }

    private void Release()
    {
        _usage.Ended();
        _inner.Dispose();
    }

    private void Count(StreamEvent happened)
    {
        if (happened is StreamEvent.Token)
            _usage.Took(_key);
    }

    private sealed class Counting(CountedCall call) : ChannelReader<StreamEvent>
    {
        private ChannelReader<StreamEvent> Inner => call._inner.Events;

        public override Task Completion => Inner.Completion;

        public override bool TryRead([MaybeNullWhen(false)] out StreamEvent item)
        {
            if (!Inner.TryRead(out item))
                return false;
            call.Count(item);
            return true;
        }

        public override ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default) => Inner.WaitToReadAsync(cancellationToken);
    }
}
