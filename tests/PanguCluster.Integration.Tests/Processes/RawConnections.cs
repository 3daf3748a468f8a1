using PanguCluster.Chaos.Processes;
using System.Net.Sockets;

namespace PanguCluster.Integration.Tests.Processes;

/// <summary>Many plain TCP connections to one address, opened by somebody who means no good; closed together.</summary>
internal sealed class RawConnections(string address) : IDisposable
{
    private readonly List<Socket> _open = [];

    public int Count => _open.Count;

    /// <summary>Opens them and sends each of them the same first words.</summary>
    public async Task OpenAsync(int count, ReadOnlyMemory<byte> words)
    {
        for (int i = 0; i < count; i++)
        {
            var socket = await ConnectAsync();
            if (!words.IsEmpty)
                await SayAsync(socket, words);
        }
    }

    public async Task<Socket> ConnectAsync()
    {
        int colon = address.LastIndexOf(':');
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _open.Add(socket);
        await socket.ConnectAsync(address[..colon], int.Parse(address[(colon + 1)..], System.Globalization.CultureInfo.InvariantCulture));
        return socket;
    }

    /// <summary>One more word on every connection that is still there.</summary>
    /// <returns>How many those are.</returns>
    public async Task<int> SayAsync(ReadOnlyMemory<byte> words)
    {
        int alive = 0;
        foreach (var socket in _open)
            alive += await SayAsync(socket, words) ? 1 : 0;
        return alive;
    }

    private static async Task<bool> SayAsync(Socket socket, ReadOnlyMemory<byte> words)
    {
        try
        {
            await socket.SendAsync(words);
            return !(socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Waits until the server has closed every one.</summary>
    public Task ClosedAsync() => Wait.UntilAsync(
        () => _open.All(s => s.Poll(0, SelectMode.SelectRead) && Ended(s)), RunningProgram.Limit, () => $"of {_open.Count} connections some are still open");

    private static bool Ended(Socket socket)
    {
        byte[] sink = new byte[4096];
        try
        {
            while (socket.Available > 0)
                socket.Receive(sink);
            return socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    public void Dispose() => _open.ForEach(s => s.Dispose());
}
