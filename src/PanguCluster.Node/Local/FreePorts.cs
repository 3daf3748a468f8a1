using System.Net;
using System.Net.Sockets;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Local;

/// <summary>
/// Finds loopback ports that nobody listens on, below the range from which the kernel gives ports to outgoing connections: one of those
/// could be taken by the first connection of a neighbour before its owner has started.
/// </summary>
public static class FreePorts
{
    /// <summary>Linux gives outgoing connections ports from here on.</summary>
    private const int FirstEphemeral = 32768;

    private const int SearchFirst = 10000;

    /// <summary>Where to look when nobody names a port: different processes start at different places, so that they seldom meet.</summary>
    public static int AnyStart => SearchFirst + Environment.ProcessId * 16 % (FirstEphemeral - SearchFirst - 1024);

    /// <summary>
    /// So many runs of consecutive free ports, each at <paramref name="start"/> or a multiple of <paramref name="stride"/> above it. All are
    /// held until all are found, then let go for their owners to take.
    /// </summary>
    /// <exception cref="IOException">There are not so many.</exception>
    public static IReadOnlyList<NodeAddress> Find(int runs, int portsPerRun, int start, int stride)
    {
        var held = new List<TcpListener>(runs * portsPerRun);
        try
        {
            for (int first = start; held.Count < runs * portsPerRun; first += stride)
            {
                if (first + portsPerRun > IPEndPoint.MaxPort)
                    throw new IOException($"there are not {runs * portsPerRun} free loopback ports from {start} on");
                held.AddRange(TryListen(first, portsPerRun));
            }
            return [.. held.Select(h => new NodeAddress(IPAddress.Loopback, ((IPEndPoint)h.LocalEndpoint).Port))];
        }
        finally
        {
            held.ForEach(listener => listener.Dispose());
        }
    }

    /// <summary>Listeners on all ports of a run, or on none.</summary>
    private static List<TcpListener> TryListen(int first, int count)
    {
        var run = new List<TcpListener>(count);
        try
        {
            for (int port = first; port < first + count; port++)
            {
                var listener = new TcpListener(IPAddress.Loopback, port);
                run.Add(listener);
                listener.Start();
            }
            return run;
        }
        catch (SocketException)
        {
            run.ForEach(listener => listener.Dispose());
            return [];
        }
    }
}
