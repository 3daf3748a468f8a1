using System.Net.Sockets;

namespace PanguCluster.Node.Options;

/// <summary>Finds a port that is taken before anything starts, so that the user reads one line and not a stack of three libraries.</summary>
public static class PortCheck
{
    /// <exception cref="OptionException">Names the option and the address.</exception>
    public static void MustBeFree(string option, NodeAddress address)
    {
        try
        {
            using var probe = new TcpListener(address.EndPoint);
            probe.Start();
        }
        catch (SocketException taken)
        {
            throw new OptionException(taken.SocketErrorCode == SocketError.AddressAlreadyInUse
                ? $"{option} {address}: the port is in use; stop what listens there or choose another with {option} HOST:PORT"
                : $"{option} {address}: cannot listen there: {taken.Message}");
        }
    }
}
