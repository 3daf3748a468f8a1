using PanguCluster.Node.Options;
using PanguCluster.Node.Security;
using Xunit;

namespace PanguCluster.Node.Tests.Security;

public class BindRulesTests
{
    private static readonly string Certs = Make();
    private static readonly string Keys = new TestKeys().File;

    private static string Make()
    {
        string folder = Path.Combine(Directory.CreateTempSubdirectory("pangu-bind-").FullName, "certs");
        CertificateFolder.Write(folder, ["localhost"], 1, TimeSpan.FromDays(1), TimeProvider.System);
        return folder;
    }

    private static string Cert(string name) => Path.Combine(Certs, name);

    private static ServeOverrides Tls => new() { Grpc = "0.0.0.0:7440", TlsCert = Cert("node-1.crt"), TlsKey = Cert("node-1.key") };

    private static ServeOverrides Cluster => new()
    {
        Cluster = "0.0.0.0:7442", ClusterCert = Cert("node-1.crt"), ClusterKey = Cert("node-1.key"), ClusterCa = Cert("ca.crt"),
    };

    public static TheoryData<ServeOverrides, string> Missing => new()
    {
        { new ServeOverrides { Grpc = "0.0.0.0:7440" }, "missing: --tls-cert and --tls-key, and --api-keys (or --tls-client-ca)" },
        { new ServeOverrides { Grpc = "0.0.0.0:7440", ApiKeys = Keys }, "missing: --tls-cert and --tls-key (" },
        { Tls, "missing: --api-keys (or --tls-client-ca)" },
        { new ServeOverrides { Http = "192.0.2.1:7441" }, "--http 192.0.2.1:7441" },
        { new ServeOverrides { Cluster = "192.0.2.1:7442" }, "missing: --cluster-cert, --cluster-key and --cluster-ca" },
        { Cluster, "--advertise HOST" },
        { Cluster with { ClusterCa = null }, "needs --cluster-ca" },
        { Tls with { TlsKey = null }, "--tls-cert needs --tls-key" },
        { new ServeOverrides { TlsClientCa = Cert("ca.crt") }, "--tls-client-ca needs --tls-cert" },
        { new ServeOverrides { ApiKeys = "/no/such" }, "--api-keys /no/such: no such file" },
        { Cluster with { Advertise = "a:1" }, "--advertise a:1" },
        { Cluster with { Advertise = "a\"b" }, "--advertise a\"b" },
    };

    [Theory]
    [MemberData(nameof(Missing), DisableDiscoveryEnumeration = true)]
    public void Bind_should_be_refused_with_what_is_missing(ServeOverrides said, string says) =>
        Assert.Contains(says, Assert.Throws<OptionException>(() => ServeOptions.From(said)).Message, StringComparison.Ordinal);

    [Fact]
    public void Bind_should_be_allowed_when_nothing_is_missing()
    {
        Assert.Equal("0.0.0.0:7440", ServeOptions.From(Tls with { ApiKeys = Keys }).Grpc.ToString());
        Assert.NotNull(ServeOptions.From(Tls with { TlsClientCa = Cert("ca.crt"), Http = "[::]:7441" }));
        Assert.Equal("node1.example.org", ServeOptions.From(Cluster with { Advertise = "node1.example.org" }).Advertise);
        Assert.NotNull(ServeOptions.From(new ServeOverrides { Grpc = "0.0.0.0:7440", Roles = ["expert"] }));
        Assert.Equal(["node1.example.org:7442"], ServeOptions.From(new ServeOverrides { SeedNodes = ["node1.example.org:7442"] }).SeedNodes);
    }

    [Fact]
    public void Credentials_should_be_refused_with_option_and_file_when_they_cannot_be_used()
    {
        var options = ServeOptions.From(Cluster with { Advertise = "h", ClusterKey = Cert("ca.key") }).Security;

        string why = Assert.Throws<OptionException>(() => NodeSecurity.Cluster(options)).Message;

        Assert.StartsWith("--cluster-cert: ", why, StringComparison.Ordinal);
        Assert.Contains("ca.key", why, StringComparison.Ordinal);
    }
}
