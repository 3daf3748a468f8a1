using System.Buffers.Binary;
using System.Security.Cryptography;

namespace PanguCluster.Node.Services;

/// <summary>What a request gets that does not say it itself.</summary>
public static class Fresh
{
    public static string Session() => Guid.NewGuid().ToString("N");

    public static ulong Seed()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }
}
