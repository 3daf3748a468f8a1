using PanguCluster.Actors.Credentials;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests;

/// <summary>Three nodes whose only ways to each other are encrypted: Akka.Remote and TCP links.</summary>
public sealed class SecureClusterTests
{
    private static PanguNodeSetup Setup(int node) => TestNode.Setup($"s{node}", TestModel.Bf16) with
    {
        Credentials = new NodeCredentials(TestCertificates.Authority.Node($"s{node}", ["127.0.0.1"]), [TestCertificates.Authority.Certificate]),
        Links = new LinkOptions(UnixFolder: ""),
    };

    [Fact]
    public async Task Nodes_should_give_the_same_tokens_when_everything_between_them_is_encrypted()
    {
        int[] prompt = [1, 17, 44, 90, 3];
        var nodes = await TestNode.StartThree(Setup);
        try
        {
            Assert.StartsWith("akka.ssl.tcp://", Akka.Cluster.Cluster.Get(nodes[0].System).SelfAddress.ToString(), StringComparison.Ordinal);
            var answers = await Task.WhenAll(nodes.Select(n => n.Generate(prompt, 12, new SamplingParameters { Temperature = 0 })));
            Assert.All(answers, a => Assert.IsType<StreamEvent.Finished>(a[^1]));
            Assert.All(answers, a => Assert.Equal(Ids(answers[0]), Ids(a)));
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    private static List<int> Ids(IEnumerable<StreamEvent> events) => [.. events.OfType<StreamEvent.Token>().Select(t => t.Sampled.TokenId)];
}
