using System.Security.Cryptography;
using PanguCluster.Actors.Credentials;

namespace PanguCluster.Node.Security;

/// <summary>The keys in use, and the file they come from. Safe for use by many requests at once.</summary>
public sealed class ApiKeys
{
    private readonly string _file;
    private byte[] _content;
    private Dictionary<string, (ApiKey Key, byte[] Hash)> _keys;

    /// <exception cref="CredentialException">The file cannot be used; names it and the field.</exception>
    public ApiKeys(string file)
    {
        _file = file;
        _content = KeyFile.ReadBytes(file);
        _keys = Index(KeyFile.Parse(file, _content));
    }

    /// <summary>Keys that are not revoked.</summary>
    public int Count => Volatile.Read(ref _keys).Count;

    /// <summary>The entry of a key that a caller sent; null when it is none, or a revoked one.</summary>
    public ApiKey? Find(string key)
    {
        // An id that is unknown costs the same hash and comparison as a known one.
        byte[] hash = KeyText.Hash(key);
        var entry = KeyText.IdOf(key) is { } id ? Volatile.Read(ref _keys).GetValueOrDefault(id) : default;
        return CryptographicOperations.FixedTimeEquals(hash, entry.Hash ?? new byte[hash.Length]) ? entry.Key : null;
    }

    /// <summary>The entry of an id; null for one that is not in use.</summary>
    public ApiKey? ById(string id) => Volatile.Read(ref _keys).GetValueOrDefault(id).Key;

    /// <summary>Takes over what the file holds now. False: it has not changed.</summary>
    /// <exception cref="CredentialException">It has, and cannot be used; the keys stay as they were.</exception>
    public bool Reload()
    {
        byte[] content = KeyFile.ReadBytes(_file);
        if (content.AsSpan().SequenceEqual(_content))
            return false;
        _content = content;
        Volatile.Write(ref _keys, Index(KeyFile.Parse(_file, content)));
        return true;
    }

    private static Dictionary<string, (ApiKey, byte[])> Index(IReadOnlyList<ApiKey> keys) =>
        keys.Where(k => k.Revoked is null).ToDictionary(k => k.Id, k => (k, Convert.FromHexString(k.Sha256)));
}
