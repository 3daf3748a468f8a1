using System.Net;
using System.Net.Sockets;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Local;

/// <summary>Finds loopback ports that nobody listens on.</summary>
public static class FreePorts
{
    /// <summary>So many different free ports. They are held until all are found, then let go for the nodes to take.</summary>
    /// <param name="preferred">Ports to take first where they are free; the n-th stands for the n-th result.</param>
    public static IReadOnlyList<NodeAddress> Find(int count, params IReadOnlyList<int> preferred)
    {
        var held = new List<TcpListener>(count);
        try
        {
            for (int i = 0; i < count; i++)
                held.Add((i < preferred.Count ? TryListen(preferred[i]) : null) ?? TryListen(0) ?? throw new IOException("no free loopback port is left"));
            return [.. held.Select(h => new NodeAddress(IPAddress.Loopback, ((IPEndPoint)h.LocalEndpoint).Port))];
        }
        finally
        {
            foreach (var listener in held)
                listener.Dispose();
        }
    }

    private static TcpListener? TryListen(int port)
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return listener;
        }
        catch (SocketException)
        {
            listener.Dispose();
            return null;
        }
    }
}
