using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Akka.Actor;

namespace PanguCluster.Actors.Streams;

/// <summary>
/// One caller's place at a stream, made before there is one. The caller reads here; the stream's actor seats it and hears when it goes.
/// </summary>
internal sealed class ClientSeat : IStreamCall
{
    private readonly object _gate = new();
    private readonly SeatReader _reader = new();
    private IActorRef? _stream;
    private StreamProtocol.SeatLeft? _left;

    /// <param name="deadline">When the caller gives up, or null.</param>
    public ClientSeat(DateTimeOffset? deadline) => Deadline = deadline;

    public DateTimeOffset? Deadline { get; }

    public ChannelReader<StreamEvent> Events => _reader;

    /// <summary>The stream hears that the caller goes, at once if it has gone before.</summary>
    public void AttachTo(IActorRef stream)
    {
        StreamProtocol.SeatLeft? left;
        lock (_gate)
        {
            _stream = stream;
            left = _left;
        }
        if (left is not null)
            stream.Tell(left, ActorRefs.NoSender);
    }

    /// <summary>The caller reads from this place on.</summary>
    public void Read(Transcript transcript, TranscriptCursor cursor)
    {
        _reader.Read(transcript, cursor);
        transcript.Join(this);
    }

    /// <summary>Ends the call, whatever else there may be to read.</summary>
    public void Refuse(FailureKind kind, string message) => _reader.Refuse(new StreamEvent.Failed(kind, message));

    /// <summary>Ends the call without a word, for a caller who wants none; not one that was refused.</summary>
    public void Close() => _reader.Close();

    public void Ring() => _reader.Ring();

    public void Leave() => Left(cancel: false);

    public void Cancel() => Left(cancel: true);

    public void Dispose() => Leave();

    private void Left(bool cancel)
    {
        StreamProtocol.SeatLeft left;
        IActorRef? stream;
        lock (_gate)
        {
            if (_left is not null)
                return;
            _left = left = new StreamProtocol.SeatLeft(this, cancel);
            stream = _stream;
        }
        stream?.Tell(left, ActorRefs.NoSender);
    }

    /// <summary>Reads the transcript; a bell of one place says that there may be more. Waiting allocates nothing in the steady state.</summary>
    private sealed class SeatReader : ChannelReader<StreamEvent>
    {
        private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(
            new BoundedChannelOptions(1) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });
        private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly object _gate = new();
        private Transcript? _transcript;
        private TranscriptCursor? _cursor;
        private StreamEvent.Failed? _refused;
        private StreamEvent? _peeked;
        private bool _done;

        public override Task Completion => _completion.Task;

        public void Read(Transcript transcript, TranscriptCursor cursor)
        {
            lock (_gate)
                (_transcript, _cursor) = (transcript, cursor);
        }

        public void Refuse(StreamEvent.Failed failed)
        {
            lock (_gate)
                _refused ??= failed;
            Ring();
        }

        public void Close()
        {
            lock (_gate)
            {
                if (_refused is not null)
                    return;
                _done = true;
            }
            _completion.TrySetResult();
            Ring();
        }

        public void Ring() => _bell.Writer.TryWrite(true);

        public override bool TryRead(out StreamEvent item)
        {
            bool over;
            lock (_gate)
            {
                if (!Peek())
                {
                    item = null!;
                    return false;
                }
                item = _peeked!;
                _peeked = null;
                over = _done = item is StreamEvent.Failed || _cursor is { Done: true };
            }
            if (over)
                _completion.TrySetResult();
            return true;
        }

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public override async ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default)
        {
            while (true)
            {
                // First the bell, then the look: what is written after the look rings again.
                _bell.Reader.TryRead(out _);
                lock (_gate)
                {
                    if (Peek())
                        return true;
                    if (_done)
                        return false;
                }
                await _bell.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        private bool Peek()
        {
            if (_done)
                return false;
            if (_peeked is not null)
                return true;
            if (_refused is not null)
                _peeked = _refused;
            else
                _transcript?.TryNext(_cursor!, out _peeked);
            return _peeked is not null;
        }
    }
}
