using System.Threading.Channels;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Node.Hosting;

/// <summary>Sends new calls elsewhere while the node is drained, and counts those that are open.</summary>
public sealed class DrainingGateway(IGenerationGateway inner, GatewayDuty duty) : IGenerationGateway
{
    public IStreamCall Start(GenerationRequest request) => duty.Refusal is { } why ? new RefusedCall(why) : new CountedCall(inner.Start(request), duty);

    public IStreamCall Resume(ResumeRequest request) => duty.Refusal is { } why ? new RefusedCall(why) : new CountedCall(inner.Resume(request), duty);

    public Task<bool> CancelAsync(string sessionId, string owner, CancellationToken cancellation) => inner.CancelAsync(sessionId, owner, cancellation);

    private sealed class CountedCall : IStreamCall
    {
        private readonly IStreamCall _inner;
        private readonly GatewayDuty _duty;
        private int _over;

        public CountedCall(IStreamCall inner, GatewayDuty duty)
        {
            (_inner, _duty) = (inner, duty);
            duty.Enter();
        }

        public ChannelReader<StreamEvent> Events => _inner.Events;

        public void Leave() => _inner.Leave();

        public void Cancel() => _inner.Cancel();

        public void Dispose()
        {
            _inner.Dispose();
            if (Interlocked.Exchange(ref _over, 1) == 0)
                _duty.Leave();
        }
    }

    private sealed class RefusedCall : IStreamCall
    {
        private readonly Channel<StreamEvent> _events = Channel.CreateBounded<StreamEvent>(1);

        public RefusedCall(string why)
        {
            _events.Writer.TryWrite(new StreamEvent.Failed(FailureKind.Unavailable, why));
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
