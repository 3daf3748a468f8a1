using System.Security.Cryptography.X509Certificates;
using PanguCluster.Actors.Credentials;

namespace PanguCluster.Node.Security;

/// <summary>What the edge of a node asks of its callers, and what it shows them.</summary>
/// <param name="Certificate">Null: no TLS.</param>
/// <param name="Keys">Null: no API keys.</param>
public sealed record EdgeSecurity(EdgeCertificate? Certificate, ApiKeys? Keys)
{
    /// <summary>Everyone is the operator: for loopback.</summary>
    public static EdgeSecurity Open { get; } = new(null, null);

    /// <summary>Without any, everyone who can connect is let in.</summary>
    public bool AsksForCredentials => Keys is not null || Certificate?.AsksForClients == true;

    /// <summary>Who sends a request, or why nobody can be told, in words for the caller.</summary>
    public (Caller? Caller, string Problem) Identify(string? authorization, X509Certificate2? certificate)
    {
        // A key that is wrong is told, even if a certificate would do: the caller believes it counts. Without keys, the header means nothing here.
        if (Keys is not null && authorization is { Length: > 0 })
            return FromKey(authorization);
        if (Certificate?.AsksForClients == true && certificate is not null)
            return (FromCertificate(certificate), "");
        return (null, Keys is null
            ? "no client certificate was sent"
            : "no API key was sent; send the header 'Authorization: Bearer KEY'" + (Certificate?.AsksForClients == true ? ", or a client certificate" : ""));
    }

    private (Caller?, string) FromKey(string authorization)
    {
        const string scheme = "Bearer ";
        if (!authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            return (null, "authorization: expected 'Bearer KEY'");
        return Keys!.Find(authorization[scheme.Length..].Trim()) is { } key
            ? (new Caller(key.Id, key.Role == KeyRole.Operator), "")
            : (null, "the API key is not known here, or revoked");
    }

    /// <summary>The certificate has been judged in the handshake. Its name is the owner of sessions, so that they outlive its renewal.</summary>
    private static Caller FromCertificate(X509Certificate2 certificate)
    {
        var units = certificate.SubjectName.EnumerateRelativeDistinguishedNames()
            .Where(part => !part.HasMultipleElements && part.GetSingleElementType().Value == OrganizationalUnit)
            .Select(part => part.GetSingleElementValue());
        return new Caller("cert:" + certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), units.Contains("operator"));
    }

    private const string OrganizationalUnit = "2.5.4.11";
}
