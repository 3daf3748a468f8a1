using PanguCluster.Actors.Credentials;
using PanguCluster.Node.Security;
using Xunit;

namespace PanguCluster.Node.Tests.Security;

public class ApiKeysTests
{
    private static readonly TestKeys Keys = new();

    private static string Write(string json)
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("pangu-keys-").FullName, "keys.json");
        File.WriteAllText(file, json);
        return file;
    }

    [Fact]
    public void Key_should_be_found_only_when_it_is_whole_and_in_use()
    {
        var keys = new ApiKeys(Keys.File);

        Assert.Equal(("c1", KeyRole.Client), (keys.Find(Keys.Client)!.Id, keys.Find(Keys.Client)!.Role));
        Assert.Equal(KeyRole.Operator, keys.Find(Keys.Operator)!.Role);
        Assert.Null(keys.Find(Keys.Revoked));
        Assert.Null(keys.Find(Keys.Client[..^1]));
        Assert.Null(keys.Find(Keys.Client + "x"));
        Assert.Null(keys.Find(Keys.Client.Replace("c1", "o1", StringComparison.Ordinal)));
        Assert.All((string[])["", "pangu_", "pangu_c1", "pangu_c1_", "pangu__x", "c1", new string('x', 1 << 20)], text => Assert.Null(keys.Find(text)));
    }

    [Fact]
    public void File_should_hold_no_key_and_be_its_owner_s_alone_when_written()
    {
        string content = File.ReadAllText(Keys.File);

        Assert.DoesNotContain(Keys.Client[9..], content, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Keys.File));
    }

    [Theory]
    [InlineData("""{ "keys": 3 }""", "$.keys")]
    [InlineData("""{ "key": [] }""", "key")]
    [InlineData("null", "JSON object")]
    [InlineData("""{ "keys": [null] }""", "keys[0]")]
    [InlineData("""{ "keys": [{ "id": "A", "name": "n", "role": "client", "sha256": "00", "created": "2026-01-01T00:00:00Z" }] }""", "keys[0].id")]
    [InlineData("""{ "keys": [{ "id": "a", "name": "n", "role": "client", "sha256": "00", "created": "2026-01-01T00:00:00Z" }] }""", "keys[0].sha256")]
    [InlineData("""{ "keys": [{ "id": "a", "name": "n", "role": "king", "sha256": "00", "created": "2026-01-01T00:00:00Z" }] }""", "role")]
    [InlineData("""{ "keys": [{ "id": "a", "name": "n", "role": 1, "sha256": "00", "created": "2026-01-01T00:00:00Z" }] }""", "role")]
    public void File_should_be_refused_with_the_field_when_wrong(string json, string says)
    {
        string file = Write(json);

        var refused = Assert.Throws<CredentialException>(() => new ApiKeys(file));

        Assert.StartsWith(file, refused.Message, StringComparison.Ordinal);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Limits_should_be_refused_with_the_field_when_out_of_range()
    {
        var good = new ApiKey("a", "n", KeyRole.Client, new string('0', 64), default);

        Assert.Null(good.Problem());
        Assert.StartsWith("max_sessions: 0", (good with { MaxSessions = 0 }).Problem(), StringComparison.Ordinal);
        Assert.StartsWith("tokens_per_minute: -1", (good with { TokensPerMinute = -1 }).Problem(), StringComparison.Ordinal);
        Assert.StartsWith("name:", (good with { Name = "a\nb" }).Problem(), StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_should_follow_the_file_and_keep_what_they_had_when_it_is_broken()
    {
        var written = new TestKeys();
        var keys = new ApiKeys(written.File);
        Assert.False(keys.Reload());

        written.Write(new ApiKey("o1", "operator", KeyRole.Operator, TestKeys.Hash(written.Operator), default));
        Assert.True(keys.Reload());
        Assert.Null(keys.Find(written.Client));
        Assert.NotNull(keys.Find(written.Operator));

        File.WriteAllText(written.File, "{");
        Assert.Throws<CredentialException>(() => keys.Reload());
        Assert.NotNull(keys.Find(written.Operator));
    }
}
