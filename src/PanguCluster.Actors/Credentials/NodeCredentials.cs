using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace PanguCluster.Actors.Credentials;

/// <summary>
/// What a node shows to the other nodes of its cluster, and what it wants to see of them: a certificate of the cluster's authority that is
/// for servers and for clients. A client's certificate, which is for clients alone, opens no way into the cluster. Names are not compared with
/// addresses: whoever holds a node's certificate is a member already, under whatever address.
/// </summary>
public sealed class NodeCredentials
{
    private readonly X509Certificate2Collection _authorities;

    /// <param name="certificate">With its private key.</param>
    /// <param name="between">Certificates to send along, between this one and its authority.</param>
    /// <exception cref="CredentialException">The certificate would not be accepted by a node with the same authority.</exception>
    public NodeCredentials(X509Certificate2 certificate, X509Certificate2Collection authorities, X509Certificate2Collection? between = null)
    {
        _authorities = authorities;
        Certificate = certificate;
        if (WhyRefused(certificate, between) is { } why)
            throw new CredentialException($"this node's certificate {why}");
        Context = SslStreamCertificateContext.Create(certificate, between, offline: true);
    }

    public X509Certificate2 Certificate { get; }

    internal SslStreamCertificateContext Context { get; }

    /// <exception cref="CredentialException">Names the file and what is wrong with it.</exception>
    public static NodeCredentials Open(string certificateFile, string keyFile, string authorityFile)
    {
        var certificate = PemFiles.Certificate(certificateFile, keyFile);
        var authorities = PemFiles.Certificates(authorityFile);
        try
        {
            return new NodeCredentials(certificate, authorities, PemFiles.Certificates(certificateFile));
        }
        catch (CredentialException wrong)
        {
            throw new CredentialException($"{certificateFile}: {wrong.Message}");
        }
    }

    /// <summary>Why a peer is not let in, in words that follow "certificate"; null when it is.</summary>
    /// <param name="mayHaveEnded">Whether dates count: see <see cref="ClusterTls"/>.</param>
    public string? WhyRefused(X509Certificate? peer, X509Certificate2Collection? between = null, bool mayHaveEnded = false)
    {
        if (peer is null)
            return "is missing";
        if (peer is not X509Certificate2 certificate)
            return "cannot be read";
        string name = $"'{certificate.Subject}'";
        if (CertificateUse.Mistrust(certificate, _authorities, between, mayHaveEnded) is { } mistrust)
            return $"{name} {mistrust}";
        return CertificateUse.Allows(certificate, CertificateUse.Server, CertificateUse.Client)
            ? null
            : $"{name} is no node's: its extended key usage must name both server and client authentication";
    }
}
