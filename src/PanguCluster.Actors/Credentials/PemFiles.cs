using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PanguCluster.Actors.Credentials;

/// <summary>Reads certificates and keys from PEM files.</summary>
public static class PemFiles
{
    /// <summary>A certificate with its private key.</summary>
    /// <exception cref="CredentialException">A file cannot be read, is no PEM, or the key is another certificate's.</exception>
    public static X509Certificate2 Certificate(string certificateFile, string keyFile) =>
        Read($"{certificateFile} with {keyFile}", () => X509Certificate2.CreateFromPemFile(certificateFile, keyFile));

    /// <summary>All certificates of a file: authorities, or a certificate and those between it and its authority.</summary>
    /// <exception cref="CredentialException">The file cannot be read, or holds no certificate.</exception>
    public static X509Certificate2Collection Certificates(string file)
    {
        var all = new X509Certificate2Collection();
        Read(file, () =>
        {
            all.ImportFromPemFile(file);
            return all;
        });
        return all.Count > 0 ? all : throw new CredentialException($"{file}: holds no PEM certificate");
    }

    private static T Read<T>(string what, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception wrong) when (wrong is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new CredentialException($"{what}: {wrong.Message.Split(" (Parameter", 2)[0]}");
        }
    }
}
