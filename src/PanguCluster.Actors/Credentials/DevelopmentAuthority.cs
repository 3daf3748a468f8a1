using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PanguCluster.Actors.Credentials;

/// <summary>A certificate authority for development and for small clusters: ECDSA P-256, one level. Its key must stay off the nodes.</summary>
public sealed class DevelopmentAuthority : IDisposable
{
    private readonly DateTimeOffset _from;
    private readonly DateTimeOffset _to;

    public DevelopmentAuthority(string name, DateTimeOffset from, DateTimeOffset to)
    {
        (_from, _to) = (from, to);
        using var key = NewKey();
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        Certificate = request.CreateSelfSigned(from, to);
    }

    /// <summary>With its private key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>A node's certificate, for its part as a server and as a client.</summary>
    /// <param name="hosts">DNS names and IP addresses under which it is reached.</param>
    /// <param name="to">When it ends; null: with the authority.</param>
    public X509Certificate2 Node(string name, IReadOnlyList<string> hosts, DateTimeOffset? to = null)
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (string host in hosts)
            if (IPAddress.TryParse(host, out var ip))
                names.AddIpAddress(ip);
            else
                names.AddDnsName(host);
        return Issue($"CN={name}", [CertificateUse.Server, CertificateUse.Client], names.Build(), to);
    }

    /// <summary>A certificate for calls from outside; the organizational unit tells an operator's from a client's.</summary>
    public X509Certificate2 Client(string name, string unit, DateTimeOffset? to = null) => Issue($"CN={name}, OU={unit}", [CertificateUse.Client], null, to);

    public void Dispose() => Certificate.Dispose();

    private X509Certificate2 Issue(string subject, string[] uses, X509Extension? names, DateTimeOffset? to)
    {
        using var key = NewKey();
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. uses.Select(u => new Oid(u))], false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
        if (names is not null)
            request.CertificateExtensions.Add(names);
        Span<byte> serial = stackalloc byte[16];
        RandomNumberGenerator.Fill(serial);
        serial[0] = (byte)(serial[0] & 0x7f | 1); // positive, and no leading zero byte
        using var signed = request.Create(Certificate, _from, to ?? _to, serial);
        return signed.CopyWithPrivateKey(key);
    }

    private static ECDsa NewKey() => ECDsa.Create(ECCurve.NamedCurves.nistP256);
}
