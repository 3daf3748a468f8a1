using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Node.Metrics;

/// <summary>Counts and times every call of the edge. Times are those at which the edge takes an event, so a caller who reads slowly shows.</summary>
public sealed class MeteredGateway(IGenerationGateway inner, EdgeMetrics metrics, TimeProvider time) : IGenerationGateway
{
    public IStreamCall Start(GenerationRequest request) => new MeteredCall(inner.Start(request), request.Choices, resumes: false, metrics, time);

    public IStreamCall Resume(ResumeRequest request) => new MeteredCall(inner.Resume(request), 0, resumes: true, metrics, time);

    public Task<bool> CancelAsync(string sessionId, string owner, CancellationToken cancellation) => inner.CancelAsync(sessionId, owner, cancellation);

    private sealed class MeteredCall : ChannelReader<StreamEvent>, IStreamCall
    {
        private readonly IStreamCall _inner;
        private readonly EdgeMetrics _metrics;
        private readonly TimeProvider _time;
        private readonly bool _resumes;
        private readonly long _asked;

        /// <summary>[choice] when its last token came, 0: none yet.</summary>
        private readonly long[] _last;
        private bool _anyToken;
        private int _ended;

        public MeteredCall(IStreamCall inner, int choices, bool resumes, EdgeMetrics metrics, TimeProvider time)
        {
            (_inner, _metrics, _time, _resumes) = (inner, metrics, time, resumes);
            _last = new long[choices];
            _asked = time.GetTimestamp();
            metrics.Asked(resumes);
        }

        public ChannelReader<StreamEvent> Events => this;

        public override Task Completion => _inner.Events.Completion;

        public override bool TryRead([MaybeNullWhen(false)] out StreamEvent item)
        {
            if (!_inner.Events.TryRead(out item))
                return false;
            Note(item);
            return true;
        }

        public override ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default) =>
            _inner.Events.WaitToReadAsync(cancellationToken);

        public void Leave()
        {
            Ended(left: true);
            _inner.Leave();
        }

        public void Cancel()
        {
            Ended(left: true);
            _inner.Cancel();
        }

        public void Dispose()
        {
            Ended(left: !_inner.Events.Completion.IsCompleted);
            _inner.Dispose();
        }

        private void Ended(bool left)
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0 && left)
                _metrics.Left();
        }

        private void Note(StreamEvent happened)
        {
            switch (happened)
            {
                case StreamEvent.Accepted accepted when !_resumes:
                    _metrics.Accepted(accepted.PromptTokens);
                    break;
                case StreamEvent.Token token:
                    _metrics.Token();
                    if (!_resumes)
                        Time(token.Choice);
                    break;
                case StreamEvent.Finished finished:
                    _metrics.Finished(finished.Reason);
                    break;
                case StreamEvent.Failed failed:
                    Ended(left: false);
                    _metrics.Failed(failed.Kind);
                    break;
            }
        }

        /// <summary>Tokens of a resumed call come from the record, as fast as they are read: they would say nothing.</summary>
        private void Time(int choice)
        {
            long now = _time.GetTimestamp();
            if (!_anyToken)
                _metrics.FirstToken(_time.GetElapsedTime(_asked, now));
            else if (_last[choice] != 0)
                _metrics.NextToken(_time.GetElapsedTime(_last[choice], now));
            _anyToken = true;
            _last[choice] = now;
        }
    }
}
