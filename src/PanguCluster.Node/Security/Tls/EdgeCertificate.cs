using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using PanguCluster.Actors.Credentials;

namespace PanguCluster.Node.Security;

/// <summary>The certificate of the gRPC and HTTP endpoints, the authority of clients' certificates, and the files they come from.</summary>
public sealed class EdgeCertificate
{
    private readonly (string Certificate, string Key, string? ClientAuthority) _files;
    private byte[] _content;
    private Loaded _loaded;

    private sealed record Loaded(SslStreamCertificateContext Context, X509Certificate2 Certificate, X509Certificate2Collection? Clients);

    /// <param name="clientAuthorityFile">Null: clients' certificates are not asked for.</param>
    /// <exception cref="CredentialException">A file cannot be used; names it.</exception>
    public EdgeCertificate(string certificateFile, string keyFile, string? clientAuthorityFile)
    {
        _files = (certificateFile, keyFile, clientAuthorityFile);
        _content = Read();
        _loaded = Load();
    }

    /// <summary>A client's certificate is a credential here.</summary>
    public bool AsksForClients => _files.ClientAuthority is not null;

    public string Subject => Volatile.Read(ref _loaded).Certificate.Subject;

    public DateTimeOffset Ends => Volatile.Read(ref _loaded).Certificate.NotAfter;

    /// <summary>Takes over what the files hold now. False: they have not changed.</summary>
    /// <exception cref="CredentialException">They have, and cannot be used; the certificate stays as it was.</exception>
    public bool Reload()
    {
        byte[] content = Read();
        if (content.AsSpan().SequenceEqual(_content))
            return false;
        var loaded = Load();
        // Remembered only when it could be used: certificate and key are two files, and may be replaced one after the other.
        _content = content;
        Volatile.Write(ref _loaded, loaded);
        return true;
    }

    /// <summary>What the next handshake goes by.</summary>
    public SslServerAuthenticationOptions Handshake()
    {
        var now = Volatile.Read(ref _loaded);
        var options = new SslServerAuthenticationOptions { ServerCertificateContext = now.Context };
        if (now.Clients is { } clients)
        {
            // Asked for, not demanded: a key is a credential too, and signs of life need none. A certificate that is sent must be good.
            options.ClientCertificateRequired = true;
            options.CertificateChainPolicy = CertificateUse.Policy(clients);
            options.RemoteCertificateValidationCallback = (_, certificate, _, errors) => certificate is null
                || (errors == SslPolicyErrors.None && CertificateUse.Allows((X509Certificate2)certificate, CertificateUse.Client));
        }
        return options;
    }

    private Loaded Load()
    {
        var certificate = PemFiles.Certificate(_files.Certificate, _files.Key);
        var between = PemFiles.Certificates(_files.Certificate);
        return new Loaded(
            SslStreamCertificateContext.Create(certificate, between, offline: true), certificate,
            _files.ClientAuthority is { } clients ? PemFiles.Certificates(clients) : null);
    }

    private byte[] Read()
    {
        try
        {
            string?[] files = [_files.Certificate, _files.Key, _files.ClientAuthority];
            return [.. files.Where(f => f is not null).SelectMany(f => File.ReadAllBytes(f!))];
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            throw new CredentialException(missing.Message);
        }
    }
}
