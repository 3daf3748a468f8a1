using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using PanguCluster.Actors.Credentials;
using PanguCluster.Actors.Tests.Nodes;
using Xunit;

namespace PanguCluster.Actors.Tests;

public sealed class ClusterTlsTests
{
    private const string Called = "akka.ssl.tcp://pangu@10.0.0.1:7442";
    private const string Caller = "[::ffff:10.0.0.1]:49152";

    private readonly RecordingLog _log = new();

    private bool Accepts(X509Certificate2? certificate, string peer) =>
        ClusterTls.Setup(TestCertificates.Good).CustomValidator!(certificate, null, peer, SslPolicyErrors.RemoteCertificateChainErrors, _log);

    [Theory]
    [InlineData(Called)]
    [InlineData(Caller)]
    public void Peer_should_be_refused_and_told_of_when_it_is_no_node_of_this_cluster(string peer)
    {
        Assert.True(Accepts(TestCertificates.Good.Certificate, peer));
        Assert.Empty(_log.Lines);
        Assert.All((X509Certificate2?[])[null, TestCertificates.WrongAuthority, TestCertificates.ClientOnly], bad => Assert.False(Accepts(bad, peer)));
        Assert.Equal(3, _log.Lines.Count(l => l.Contains($"node at {peer} refused", StringComparison.Ordinal)));
    }

    [Fact]
    public void Expired_certificate_should_not_open_the_way_in_and_not_end_the_node_that_calls()
    {
        Assert.False(Accepts(TestCertificates.Expired, Caller));
        Assert.True(Accepts(TestCertificates.Expired, Called));
        Assert.Contains(_log.Lines, l => l.Contains("needs a new certificate", StringComparison.Ordinal));
    }
}
