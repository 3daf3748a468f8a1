using PanguCluster.Node.Security;

namespace PanguCluster.Node.Tests.Security;

/// <summary>A key file with keys whose text is known.</summary>
internal sealed class TestKeys
{
    public TestKeys(int? maxSessions = null, int? tokensPerMinute = null)
    {
        Write(new ApiKey("c1", "client", KeyRole.Client, Hash(Client), default, maxSessions, tokensPerMinute),
            new ApiKey("o1", "operator", KeyRole.Operator, Hash(Operator), default),
            new ApiKey("r1", "revoked", KeyRole.Operator, Hash(Revoked), default, Revoked: DateTimeOffset.UnixEpoch));
    }

    public string File { get; } = Path.Combine(Directory.CreateTempSubdirectory("pangu-keys-").FullName, "keys.json");
    public string Client { get; } = KeyText.New("c1");
    public string Operator { get; } = KeyText.New("o1");
    public string Revoked { get; } = KeyText.New("r1");

    public EdgeSecurity Open() => new(null, new ApiKeys(File));

    public void Write(params IReadOnlyList<ApiKey> keys) => KeyFile.Write(File, keys);

    public static string Hash(string key) => Convert.ToHexStringLower(KeyText.Hash(key));
}
