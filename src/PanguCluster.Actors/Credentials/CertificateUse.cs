using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PanguCluster.Actors.Credentials;

/// <summary>What certificates may be used for, by their extended key usage (RFC 5280, 4.2.1.12).</summary>
public static class CertificateUse
{
    public const string Server = "1.3.6.1.5.5.7.3.1";
    public const string Client = "1.3.6.1.5.5.7.3.2";

    /// <summary>Says yes to all uses that it names. A certificate that names none is for none: one for a web site must not pass for a node.</summary>
    public static bool Allows(X509Certificate2 certificate, params ReadOnlySpan<string> uses)
    {
        var named = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().SelectMany(e => e.EnhancedKeyUsages.Cast<Oid>().Select(u => u.Value)).ToHashSet();
        foreach (string use in uses)
            if (!named.Contains(use))
                return false;
        return true;
    }

    /// <summary>Why these authorities do not vouch for a certificate now, in words; null when they do.</summary>
    /// <param name="between">Certificates that may stand between it and an authority.</param>
    /// <param name="mayHaveEnded">Whether dates count.</param>
    public static string? Mistrust(
        X509Certificate2 certificate, X509Certificate2Collection authorities, X509Certificate2Collection? between = null, bool mayHaveEnded = false)
    {
        using var chain = new X509Chain { ChainPolicy = Policy(authorities) };
        if (mayHaveEnded)
            chain.ChainPolicy.VerificationFlags |= X509VerificationFlags.IgnoreNotTimeValid;
        if (between is not null)
            chain.ChainPolicy.ExtraStore.AddRange(between);
        if (chain.Build(certificate))
            return null;
        var why = chain.ChainStatus.Select(s => s.Status).Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one);
        if (why.HasFlag(X509ChainStatusFlags.NotTimeValid))
            return $"is valid from {certificate.NotBefore.ToUniversalTime():u} to {certificate.NotAfter.ToUniversalTime():u} only";
        return (why & (X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot)) != 0
            ? $"is not signed by {string.Join(" or ", authorities.Select(Name))}"
            : $"is not valid: {why}";
    }

    /// <summary>Authorities may have the same name: the digest tells them apart.</summary>
    private static string Name(X509Certificate2 authority) =>
        $"{authority.Subject} (SHA-256 {authority.GetCertHashString(HashAlgorithmName.SHA256)[..16].ToLowerInvariant()}...)";

    /// <summary>Trust in the given authorities and no others. They publish no revocation lists: a certificate ends by its date, so give it a short one.</summary>
    public static X509ChainPolicy Policy(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }
}
