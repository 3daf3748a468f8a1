using System.Buffers.Binary;
using System.Net.Sockets;

namespace PanguCluster.Actors.Links;

/// <summary>Whether the process at the other end of a Unix-domain socket runs as this user: such a link is not encrypted, and needs to be trusted.</summary>
internal static class SameUser
{
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;
    private const int UcredBytes = 12; // struct ucred: pid, uid, gid, 32 bits each

    /// <param name="listener">For a listening socket the kernel keeps the credentials of the process that listens: of this one.</param>
    /// <returns>True as well where the kernel does not tell; the socket's folder is this user's own there too.</returns>
    public static bool IsAtBothEnds(Socket listener, Socket accepted) => !OperatingSystem.IsLinux() || UserOf(listener) == UserOf(accepted);

    private static int UserOf(Socket socket)
    {
        Span<byte> ucred = stackalloc byte[UcredBytes];
        socket.GetRawSocketOption(SolSocket, SoPeerCred, ucred);
        return BinaryPrimitives.ReadInt32LittleEndian(ucred[4..]);
    }
}
