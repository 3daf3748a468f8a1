using System.Security.Cryptography;

namespace PanguCluster.Model.Packing;

/// <summary>SHA-256 of a file, read once from front to back through one buffer.</summary>
public static class FileDigest
{
    private const int BufferBytes = 1 << 20;

    /// <param name="progress">Bytes read so far.</param>
    /// <returns>Bytes read, and the digest as lower-case hex.</returns>
    /// <exception cref="ModelFormatException">The file is missing or cannot be read.</exception>
    public static (long Bytes, string Sha256) Compute(string path, IProgress<long>? progress = null, CancellationToken cancel = default)
    {
        try
        {
            using var handle = File.OpenHandle(path, options: FileOptions.SequentialScan);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            byte[] buffer = GC.AllocateUninitializedArray<byte>(BufferBytes);
            long at = 0;
            while (true)
            {
                cancel.ThrowIfCancellationRequested();
                int read = RandomAccess.Read(handle, buffer, at);
                if (read == 0)
                    return (at, Convert.ToHexStringLower(hash.GetHashAndReset()));
                hash.AppendData(buffer, 0, read);
                at += read;
                progress?.Report(at);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException($"{path}: cannot be read: {e.Message}", e);
        }
    }
}
