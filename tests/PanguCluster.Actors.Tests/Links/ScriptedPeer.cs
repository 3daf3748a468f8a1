using System.Net;
using System.Net.Sockets;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Wire.Proto;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Tests.Links;

public enum Script
{
    Answer,

    /// <summary>The connection ends and nobody listens any more, as when the process is killed.</summary>
    Die,

    /// <summary>Connections stay and nothing comes or goes, as when the process is stopped or packets vanish.</summary>
    Hang,

    /// <summary>Heartbeats come, nothing is read.</summary>
    StopReading,

    /// <summary>Heartbeats come, all is read, nothing is answered.</summary>
    NeverAnswer,

    /// <summary>Answers come when <see cref="ScriptedPeer.LetGo"/> is called.</summary>
    Late,
    NotReady,
    AnswerTwice,
}

/// <summary>A peer that speaks the protocol over a real socket and does what the script says from its next dispatch on.</summary>
internal sealed class ScriptedPeer : IDisposable
{
    private readonly LinkIdentity _self;
    private readonly LinkLimits _limits;
    private readonly Func<int, int, byte> _value;
    private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly ManualResetEventSlim _go = new();
    private volatile Script _script;

    /// <param name="value">(layer, group) to the byte that fills the output.</param>
    public ScriptedPeer(LinkIdentity self, LinkLimits limits, Func<int, int, byte> value)
    {
        _self = self;
        _limits = limits;
        _value = value;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Endpoints = new LinkEndpoints("", _listener.LocalEndPoint!.ToString()!, "");
        new Thread(Accept) { IsBackground = true }.Start();
    }

    public LinkEndpoints Endpoints { get; }

    public Script Script { get => _script; set => _script = value; }

    public void LetGo() => _go.Set();

    public void Dispose()
    {
        _script = Script.Die;
        _listener.Dispose();
        _go.Set();
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                var socket = _listener.Accept();
                new Thread(() => Serve(socket)) { IsBackground = true }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }

    private void Serve(Socket socket)
    {
        using var link = new LinkSocket(socket);
        var sending = new object();
        var heartbeat = new byte[LinkHeader.Bytes];
        new LinkHeader(LinkFrameKind.Heartbeat, 0).Write(heartbeat);
        using var heart = new Timer(_ =>
        {
            lock (sending)
                if (_script != Script.Hang)
                    Quietly(() => link.Send(heartbeat));
        });
        Quietly(() =>
        {
            if (_script == Script.Hang)
                return;
            link.ReceiveHandshake(link.ReceiveHeader(), LinkHello.Parser);
            link.SendHandshake(LinkFrameKind.Welcome, new LinkWelcome
            {
                NodeId = _self.NodeId, ModelDigest = _self.ModelDigest, NumericsVersion = _self.NumericsVersion,
            });
            heart.Change(TimeSpan.Zero, TimeSpan.FromMilliseconds(20));
            while (Exchange(link, sending))
            {
            }
        });
        if (_script == Script.Die)
            _listener.Dispose();
        else if (_script is Script.Hang or Script.StopReading)
            _go.Wait();
        if (_script == Script.Die)
            socket.LingerState = new LingerOption(true, 0);
    }

    private bool Exchange(LinkSocket link, object sending)
    {
        var header = link.ReceiveHeader();
        if (header.Kind != LinkFrameKind.Dispatch)
            return _script != Script.Die;
        var dispatch = new LayerDispatch(TestModel.Bf16.Manifest, _limits.MaxRows);
        var groups = new int[header.Groups];
        LinkFrames.ReadDispatch(_limits, header, link, new byte[PayloadReader.ScratchBytes], dispatch, groups);
        if (_script is Script.Die or Script.Hang or Script.StopReading)
            return false;
        if (_script == Script.NeverAnswer)
            return true;
        if (_script == Script.Late)
            _go.Wait();
        var status = Enumerable.Repeat(_script == Script.NotReady ? ComputeStatus.NotReady : ComputeStatus.Done, groups.Length).ToArray();
        var frame = new byte[LinkHeader.Bytes + _limits.MaxReplyBytes];
        int length = LinkFrames.WriteReplyHead(_limits, header, groups, status, frame);
        for (int i = 0; i < groups.Length && status[i] == ComputeStatus.Done; i++)
        {
            frame.AsSpan(length, dispatch.OutputBytesPerGroup).Fill(_value(header.Layer, groups[i]));
            length += dispatch.OutputBytesPerGroup;
        }
        lock (sending)
            for (int i = 0; i < (_script == Script.AnswerTwice ? 2 : 1); i++)
                link.Send(frame.AsSpan(0, length));
        return true;
    }

    private static void Quietly(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is LinkException or ObjectDisposedException)
        {
        }
    }
}
