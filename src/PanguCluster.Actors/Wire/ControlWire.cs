using PanguCluster.Actors.Control;

namespace PanguCluster.Actors.Wire;

internal static class ControlWire
{
    private enum Kind
    {
        Cordon = 0,
        Uncordon = 1,
        Drain = 2,
        Rebalance = 3,
        Scale = 4,
        Abort = 5,
    }

    public static Proto.ControlRequest Write(ControlProtocol.Request request)
    {
        var (kind, subject) = request.Command switch
        {
            ControlCommand.Cordon c => (Kind.Cordon, c.NodeId),
            ControlCommand.Uncordon u => (Kind.Uncordon, u.NodeId),
            ControlCommand.Drain d => (Kind.Drain, d.NodeId),
            ControlCommand.Rebalance => (Kind.Rebalance, ""),
            ControlCommand.Scale => (Kind.Scale, ""),
            ControlCommand.Abort a => (Kind.Abort, a.OperationId),
            _ => throw new NotSupportedException($"{request.Command.GetType().FullName} has no wire format"),
        };
        var message = new Proto.ControlRequest { RequestId = request.RequestId, Command = (int)kind, Subject = subject };
        if (request.Command is ControlCommand.Drain drain)
            (message.TimeoutMs, message.Leave) = ((long)drain.Timeout.TotalMilliseconds, drain.Leave);
        if (request.Command is ControlCommand.Scale scale)
            message.Nodes = scale.Nodes;
        return message;
    }

    public static ControlProtocol.Request Read(Proto.ControlRequest m) => new(m.RequestId, SequenceWire.ReadEnum<Kind>(m.Command) switch
    {
        Kind.Cordon => new ControlCommand.Cordon(m.Subject),
        Kind.Uncordon => new ControlCommand.Uncordon(m.Subject),
        Kind.Drain => new ControlCommand.Drain(m.Subject, TimeSpan.FromMilliseconds(Math.Clamp(m.TimeoutMs, 0, int.MaxValue)), m.Leave),
        Kind.Rebalance => new ControlCommand.Rebalance(),
        Kind.Scale => new ControlCommand.Scale(m.Nodes),
        _ => new ControlCommand.Abort(m.Subject),
    });

    public static Proto.ControlAnswer Write(ControlProtocol.Answer a) => new()
    {
        RequestId = a.RequestId, Accepted = a.Reply.Accepted, Reason = a.Reply.Reason, OperationId = a.Reply.OperationId,
    };

    public static ControlProtocol.Answer Read(Proto.ControlAnswer m) => new(m.RequestId, new ControlReply(m.Accepted, m.Reason, m.OperationId));
}
