using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using PanguCluster.Actors.Credentials;
using PanguCluster.Client;
using PanguCluster.Node.Security;
using Xunit;

namespace PanguCluster.Node.Tests.Security;

public class TlsEdgeTests
{
    private static readonly string Folder = Directory.CreateTempSubdirectory("pangu-certs-").FullName;
    private static readonly string Certs = Make("ours");
    private static readonly string Others = Make("others");

    private static string Make(string name)
    {
        string folder = Path.Combine(Folder, name);
        CertificateFolder.Write(folder, ["127.0.0.1", "localhost"], 2, TimeSpan.FromDays(1), TimeProvider.System);
        return folder;
    }

    private static string File(string folder, string name) => Path.Combine(folder, name);

    private static EdgeCertificate Certificate(bool clients = true) => new(
        File(Certs, "node-1.crt"), File(Certs, "node-1.key"), clients ? File(Certs, "ca.crt") : null);

    private static PanguClientOptions With(string? name, string? folder = null, string? key = null) => new(
        key, File(Certs, "ca.crt"), name is null ? null : File(folder ?? Certs, name + ".crt"), name is null ? null : File(folder ?? Certs, name + ".key"));

    [Fact]
    public async Task Client_certificate_should_be_a_credential_and_its_unit_the_role()
    {
        await using var edge = await SecureEdge.StartAsync(new EdgeSecurity(Certificate(), null));
        using var client = edge.Client(With("client"));
        using var boss = edge.Client(With("operator"));
        using var nobody = edge.Client(With(null));

        await client.GetModelAsync();
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAnyAsync<RpcException>(() => client.GetClusterAsync())).StatusCode);
        Assert.Equal("n1", (await boss.GetClusterAsync()).AnsweredBy);
        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAnyAsync<RpcException>(() => nobody.GetModelAsync())).StatusCode);
    }

    [Fact]
    public async Task Key_should_do_over_tls_without_a_certificate()
    {
        var keys = new TestKeys();
        await using var edge = await SecureEdge.StartAsync(new EdgeSecurity(Certificate(), new ApiKeys(keys.File)));
        using var client = edge.Client(With(null, key: keys.Client));

        await client.GetModelAsync();
    }

    [Fact]
    public async Task Handshake_should_fail_when_a_certificate_is_of_another_authority_or_expired()
    {
        var now = TimeProvider.System.GetUtcNow();
        using var authority = new DevelopmentAuthority("short", now.AddDays(-3), now.AddDays(1));
        string folder = Directory.CreateTempSubdirectory("pangu-certs-").FullName;
        System.IO.File.WriteAllText(File(folder, "ca.crt"), authority.Certificate.ExportCertificatePem());
        using var expired = authority.Client("late", "client", now.AddDays(-1));
        System.IO.File.WriteAllText(File(folder, "late.crt"), expired.ExportCertificatePem());
        System.IO.File.WriteAllText(File(folder, "late.key"), expired.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        await using var edge = await SecureEdge.StartAsync(new EdgeSecurity(Certificate(), null));
        await using var shortEdge = await SecureEdge.StartAsync(new EdgeSecurity(
            new EdgeCertificate(File(Certs, "node-1.crt"), File(Certs, "node-1.key"), File(folder, "ca.crt")), null));
        using var stranger = edge.Client(With("client", Others));
        using var late = shortEdge.Client(With("late", folder));
        using var good = edge.Client(With("client"));

        // The server's alert may come while the client connects, or when it has begun to ask (TLS 1.3): a different status, the same refusal.
        StatusCode[] refused = [StatusCode.Unavailable, StatusCode.Internal];
        Assert.Contains((await Assert.ThrowsAnyAsync<RpcException>(() => stranger.GetModelAsync())).StatusCode, refused);
        Assert.Contains((await Assert.ThrowsAnyAsync<RpcException>(() => late.GetModelAsync())).StatusCode, refused);
        await good.GetModelAsync();
    }

    [Fact]
    public async Task Client_should_refuse_a_server_of_another_authority()
    {
        await using var edge = await SecureEdge.StartAsync(new EdgeSecurity(Certificate(), null));
        using var client = edge.Client(With("client") with { CaFile = File(Others, "ca.crt") });

        var refused = await Assert.ThrowsAnyAsync<RpcException>(() => client.GetModelAsync());
        Assert.IsType<System.Security.Authentication.AuthenticationException>(refused.Status.DebugException?.InnerException);
    }

    [Fact]
    public async Task Certificate_should_be_taken_over_when_the_files_change()
    {
        string folder = Directory.CreateTempSubdirectory("pangu-certs-").FullName;
        void Put(string name)
        {
            System.IO.File.Copy(File(Certs, name + ".crt"), File(folder, "tls.crt"), true);
            System.IO.File.Copy(File(Certs, name + ".key"), File(folder, "tls.key"), true);
        }
        Put("node-1");
        await using var edge = await SecureEdge.StartAsync(new EdgeSecurity(new EdgeCertificate(File(folder, "tls.crt"), File(folder, "tls.key"), null), null));
        Assert.Equal("CN=node-1", await SubjectAsync(edge));

        Put("node-2");

        for (int i = 0; await SubjectAsync(edge) != "CN=node-2"; i++)
        {
            Assert.True(i < 300, "the old certificate is still shown");
            await Task.Delay(50);
        }
    }

    [Fact]
    public void Certificate_should_stay_until_its_key_has_come_too_when_they_are_replaced_one_after_the_other()
    {
        string folder = Directory.CreateTempSubdirectory("pangu-certs-").FullName;
        var (certificate, key) = (File(folder, "tls.crt"), File(folder, "tls.key"));
        System.IO.File.Copy(File(Certs, "node-1.crt"), certificate);
        System.IO.File.Copy(File(Certs, "node-1.key"), key);
        var edge = new EdgeCertificate(certificate, key, null);

        System.IO.File.Copy(File(Certs, "node-2.crt"), certificate, true);
        Assert.Throws<CredentialException>(() => edge.Reload());
        Assert.Equal("CN=node-1", edge.Subject);

        System.IO.File.Copy(File(Certs, "node-2.key"), key, true);
        Assert.True(edge.Reload());
        Assert.Equal("CN=node-2", edge.Subject);
    }

    private static async Task<string> SubjectAsync(SecureEdge edge)
    {
        using var socket = new TcpClient("127.0.0.1", edge.Http.Port);
        await using var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync("127.0.0.1");
        return tls.RemoteCertificate!.Subject;
    }

    [Fact]
    public void Folder_should_refuse_to_replace_and_be_its_owner_s_alone()
    {
        Assert.Contains("is there already", Assert.Throws<IOException>(
            () => CertificateFolder.Write(Certs, ["localhost"], 2, TimeSpan.FromDays(1), TimeProvider.System)).Message, StringComparison.Ordinal);
        foreach (string file in Directory.GetFiles(Certs))
            if (!OperatingSystem.IsWindows())
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(file));
    }

    [Fact]
    public void Node_s_certificates_should_open_the_cluster_and_a_client_s_should_not()
    {
        Assert.NotNull(NodeCredentials.Open(File(Certs, "node-2.crt"), File(Certs, "node-2.key"), File(Certs, "ca.crt")));
        var refused = Assert.Throws<CredentialException>(() => NodeCredentials.Open(File(Certs, "operator.crt"), File(Certs, "operator.key"), File(Certs, "ca.crt")));
        Assert.Contains("is no node's", refused.Message, StringComparison.Ordinal);
    }
}
