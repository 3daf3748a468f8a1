using System.Security.Cryptography.X509Certificates;
using PanguCluster.Actors.Credentials;

namespace PanguCluster.Node.Security;

/// <summary>A folder with an authority and the certificates that a small cluster and its callers need, each as NAME.crt and NAME.key.</summary>
public static class CertificateFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Clocks differ; a certificate that is valid from this second on is not yet valid elsewhere.</summary>
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    /// <summary>Names of what is made, in the order in which it is made.</summary>
    public static IReadOnlyList<string> Names(int nodes) =>
        ["ca", .. Enumerable.Range(1, nodes).Select(i => $"node-{i}"), "client", "operator"];

    /// <returns>Paths of the files.</returns>
    /// <exception cref="IOException">One of the files is there already, in which case none is written, or cannot be written.</exception>
    public static IReadOnlyList<string> Write(string folder, IReadOnlyList<string> hosts, int nodes, TimeSpan validity, TimeProvider time)
    {
        foreach (string file in Names(nodes).SelectMany(name => (string[])[name + ".crt", name + ".key"]))
            if (File.Exists(Path.Combine(folder, file)))
                throw new IOException($"{Path.Combine(folder, file)} is there already; name another folder: replacing an authority locks every node out");
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, OwnerOnly | UnixFileMode.UserExecute);
        var now = time.GetUtcNow();
        using var authority = new DevelopmentAuthority("PanguCluster development CA", now - Skew, now + validity);
        var written = new List<string>();
        foreach (string name in Names(nodes))
            using (var certificate = name switch
            {
                "ca" => new X509Certificate2(authority.Certificate),
                "client" or "operator" => authority.Client(name, name),
                _ => authority.Node(name, hosts),
            })
            {
                written.Add(Save(Path.Combine(folder, name + ".crt"), certificate.ExportCertificatePem()));
                using var key = certificate.GetECDsaPrivateKey()!;
                written.Add(Save(Path.Combine(folder, name + ".key"), key.ExportPkcs8PrivateKeyPem()));
            }
        return written;
    }

    private static string Save(string file, string pem)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        using var writer = new StreamWriter(file, options);
        writer.WriteLine(pem);
        return file;
    }
}
