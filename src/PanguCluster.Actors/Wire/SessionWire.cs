using Akka.Actor;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using static PanguCluster.Actors.Sessions.SessionProtocol;

namespace PanguCluster.Actors.Wire;

/// <summary>Between the messages of <see cref="SessionProtocol"/> and their protobuf form. Reading validates: a peer is not trusted.</summary>
internal static class SessionWire
{
    public static string Manifest(IMessage message) => message switch
    {
        Open => "s-open",
        Attach => "s-attach",
        Opened => "s-opened",
        OpenRefused => "s-refused",
        Record => "s-record",
        Recorded => "s-recorded",
        End => "s-end",
        Ended => "s-ended",
        Superseded => "s-superseded",
        CancelSession => "s-cancel",
        CancelReply => "s-cancelled",
        CancelStream => "s-cancel-stream",
        Read => "s-read",
        Page => "s-page",
        Inspect => "s-inspect",
        _ => throw new NotSupportedException($"{message.GetType().FullName} has no wire format"),
    };

    public static Google.Protobuf.IMessage Write(SessionProtocol.IMessage message, Func<IActorRef, string> path) => message switch
    {
        Open m => new Proto.SessionOpen
        {
            SessionId = m.SessionId, Request = RecordWire.Write(m.Request), Stream = path(m.Stream), NodeId = m.NodeId,
        },
        Attach m => new Proto.SessionAttach { SessionId = m.SessionId, Owner = m.Owner, Stream = path(m.Stream), NodeId = m.NodeId },
        Opened m => new Proto.SessionOpened
        {
            SessionId = m.SessionId, Request = RecordWire.Write(m.Request), Choices = { m.Choices.Select(RecordWire.Write) }, Attempt = m.Attempt,
        },
        OpenRefused m => new Proto.SessionRefused { SessionId = m.SessionId, Kind = (int)m.Kind, Message = m.Message },
        Record m => Tokens(m.SessionId, m.Attempt, m.NodeId, m.Choice, m.FirstIndex, m.Tokens),
        Recorded m => new Proto.SessionRecorded { SessionId = m.SessionId, Choice = m.Choice, Count = m.Count },
        End m => Tokens(m.SessionId, m.Attempt, m.NodeId, m.Choice, m.FirstIndex, m.Tokens, m.Outcome),
        Ended m => new Proto.SessionEnded { SessionId = m.SessionId, Choice = m.Choice },
        Superseded m => new Proto.SessionSuperseded { SessionId = m.SessionId, Attempt = m.Attempt },
        CancelSession { Owner: { } owner } m => new Proto.SessionCancel { SessionId = m.SessionId, Owner = owner },
        CancelSession m => new Proto.SessionCancel { SessionId = m.SessionId },
        CancelReply m => new Proto.SessionCancelReply { SessionId = m.SessionId, Found = m.Found },
        CancelStream m => new Proto.SessionCancelStream { SessionId = m.SessionId },
        Read m => new Proto.SessionRead { SessionId = m.SessionId, Choice = m.Choice, FirstIndex = m.FirstIndex },
        Page m => new Proto.SessionPage
        {
            SessionId = m.SessionId, Found = m.Request is not null, Request = m.Request is null ? null : RecordWire.Write(m.Request),
            Choice = m.Choice, FirstIndex = m.FirstIndex, TokenIds = { m.TokenIds }, Counts = { m.Counts },
        },
        Inspect m => new Proto.SessionInspect { SessionId = m.SessionId, EraseBeforeUnixMs = m.EraseBefore.ToUnixTimeMilliseconds() },
        _ => throw new NotSupportedException($"{message.GetType().FullName} has no wire format"),
    };

    public static SessionProtocol.IMessage FromBytes(string manifest, byte[] bytes, Func<string, IActorRef> resolve)
    {
        switch (manifest)
        {
            case "s-open":
                var open = Proto.SessionOpen.Parser.ParseFrom(bytes);
                return new Open(open.SessionId, RecordWire.Read(open.Request), resolve(open.Stream), open.NodeId);
            case "s-attach":
                var attach = Proto.SessionAttach.Parser.ParseFrom(bytes);
                return new Attach(attach.SessionId, attach.Owner, resolve(attach.Stream), attach.NodeId);
            case "s-opened":
                var opened = Proto.SessionOpened.Parser.ParseFrom(bytes);
                return new Opened(opened.SessionId, RecordWire.Read(opened.Request), [.. opened.Choices.Select(RecordWire.Read)], opened.Attempt);
            case "s-refused":
                var refused = Proto.SessionRefused.Parser.ParseFrom(bytes);
                return new OpenRefused(refused.SessionId, SequenceWire.ReadEnum<FailureKind>(refused.Kind), refused.Message);
            case "s-record":
                var record = Checked(Proto.SessionTokens.Parser.ParseFrom(bytes));
                return new Record(
                    record.SessionId, record.Attempt, record.NodeId, record.Choice, record.FirstIndex, RecordWire.Read(record.Tokens));
            case "s-recorded":
                var recorded = Proto.SessionRecorded.Parser.ParseFrom(bytes);
                return new Recorded(recorded.SessionId, recorded.Choice, recorded.Count);
            case "s-end":
                var end = Checked(Proto.SessionTokens.Parser.ParseFrom(bytes));
                return new End(
                    end.SessionId, end.Attempt, end.NodeId, end.Choice, end.FirstIndex, RecordWire.Read(end.Tokens),
                    RecordWire.Read(end.End ?? throw new FormatException("end without an outcome")));
            case "s-ended":
                var ended = Proto.SessionEnded.Parser.ParseFrom(bytes);
                return new Ended(ended.SessionId, ended.Choice);
            case "s-superseded":
                var superseded = Proto.SessionSuperseded.Parser.ParseFrom(bytes);
                return new Superseded(superseded.SessionId, superseded.Attempt);
            case "s-cancel":
                var cancel = Proto.SessionCancel.Parser.ParseFrom(bytes);
                return new CancelSession(cancel.SessionId, cancel.HasOwner ? cancel.Owner : null);
            case "s-cancelled":
                var reply = Proto.SessionCancelReply.Parser.ParseFrom(bytes);
                return new CancelReply(reply.SessionId, reply.Found);
            case "s-cancel-stream":
                return new CancelStream(Proto.SessionCancelStream.Parser.ParseFrom(bytes).SessionId);
            case "s-read":
                var read = Proto.SessionRead.Parser.ParseFrom(bytes);
                return new Read(read.SessionId, read.Choice, read.FirstIndex);
            case "s-page":
                var page = Proto.SessionPage.Parser.ParseFrom(bytes);
                return new Page(
                    page.SessionId, page.Found ? RecordWire.Read(page.Request) : null, page.Choice, page.FirstIndex, [.. page.TokenIds], [.. page.Counts]);
            case "s-inspect":
                var inspect = Proto.SessionInspect.Parser.ParseFrom(bytes);
                return new Inspect(inspect.SessionId, RecordWire.ReadTime(inspect.EraseBeforeUnixMs));
            default:
                throw new FormatException("the manifest is not known");
        }
    }

    private static Proto.SessionTokens Tokens(
        string session, int attempt, string node, int choice, int first, IReadOnlyList<RecordedToken> tokens, RecordedEnd? end = null)
    {
        if (tokens.Count > MaxTokensPerMessage)
            throw new ArgumentException($"{tokens.Count} tokens in one message, the limit is {MaxTokensPerMessage}", nameof(tokens));
        return new Proto.SessionTokens
        {
            SessionId = session, Attempt = attempt, NodeId = node, Choice = choice, FirstIndex = first, Tokens = RecordWire.Write(tokens),
            End = end is null ? null : RecordWire.Write(end),
        };
    }

    private static Proto.SessionTokens Checked(Proto.SessionTokens m) =>
        m.Choice is < 0 or >= SessionRecord.MaxChoices || m.FirstIndex < 0 || m.Tokens is null || m.Tokens.TokenIds.Count > MaxTokensPerMessage
            ? throw new FormatException($"tokens of choice {m.Choice} from {m.FirstIndex} on: {m.Tokens?.TokenIds.Count ?? -1} of them")
            : m;
}
