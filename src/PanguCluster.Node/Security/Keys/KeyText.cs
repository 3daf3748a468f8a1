using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace PanguCluster.Node.Security;

/// <summary>The key itself, as a caller sends it: <c>pangu_ID_SECRET</c>. The id finds the entry, so that one comparison tells whether it is right.</summary>
public static class KeyText
{
    public const int SecretBytes = 32;
    private const string Prefix = "pangu_";
    private const int IdBytes = 5;
    private const int LongestKey = 128;

    /// <summary>8 digits and letters; not secret, shown in logs and listings.</summary>
    public static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes))[..8];

    /// <summary>A key of 256 random bits.</summary>
    public static string New(string id) => Prefix + id + "_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));

    /// <summary>
    /// SHA-256 of the whole key. Salt and a slow hash protect words that people choose; of 256 random bits nobody can try a fraction, and a
    /// request must not cost more than the hash of a short text.
    /// </summary>
    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>The id in a key; null for a text that is none.</summary>
    public static string? IdOf(string key)
    {
        if (key.Length > LongestKey || !key.StartsWith(Prefix, StringComparison.Ordinal))
            return null;
        int end = key.IndexOf('_', Prefix.Length);
        return end > Prefix.Length ? key[Prefix.Length..end] : null;
    }
}
