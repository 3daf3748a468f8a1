using System.Security.Cryptography.X509Certificates;
using PanguCluster.Actors.Credentials;

namespace PanguCluster.Actors.Tests.Nodes;

/// <summary>An authority of this test run, another one, and certificates good and bad.</summary>
public static class TestCertificates
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    public static DevelopmentAuthority Authority { get; } = New("cluster");
    public static DevelopmentAuthority Stranger { get; } = New("stranger");

    public static NodeCredentials Good { get; } = new(Authority.Node("good", ["127.0.0.1", "localhost"]), [Authority.Certificate]);

    /// <summary>A certificate that the cluster's authority never signed.</summary>
    public static X509Certificate2 WrongAuthority { get; } = Stranger.Node("wrong", ["127.0.0.1"]);

    public static X509Certificate2 Expired { get; } = Authority.Node("expired", ["127.0.0.1"], Now - TimeSpan.FromHours(1));

    /// <summary>Signed by the cluster's authority, but for calls from outside only.</summary>
    public static X509Certificate2 ClientOnly { get; } = Authority.Client("client", "client");

    private static DevelopmentAuthority New(string name) => new(name, Now - TimeSpan.FromDays(2), Now + TimeSpan.FromDays(2));
}
