using PanguCluster.Actors.Links;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Placement.Node;
using PanguCluster.Actors.Tests.Nodes;
using Xunit;

namespace PanguCluster.Actors.Tests.Placement;

public sealed class PeerDowningTests
{
    private static KnownNode Node(string id, bool self, string host, params Suspicion[] suspects)
    {
        var manifest = TestModel.Bf16.Manifest;
        return new KnownNode("akka://" + id, "Up", true, self, [], new NodeState(
            id, 1, "", "", "x:1", host, "managed", "m", manifest.Digest, manifest.NumericsVersion, [], "", null, [], 0, "")
        {
            Suspects = suspects,
        });
    }

    private static Suspicion Lost(string id, PeerLoss loss) => new(id, loss);

    [Theory]
    [InlineData(PeerLoss.Silent, false)]
    [InlineData(PeerLoss.Reset, false)]
    [InlineData(PeerLoss.NoListener, true)]
    public void One_of_two_nodes_should_be_downed_when_its_own_machine_says_that_nobody_listens(PeerLoss loss, bool downed)
    {
        foreach (var (lost, left) in new[] { ("a", "b"), ("b", "a") })
        {
            var wanted = PeerDowning.Wanted([Node(lost, false, "h"), Node(left, true, "h", Lost(lost, loss))]);
            Assert.Equal(downed ? ["akka://" + lost] : [], wanted);
        }
    }

    [Fact]
    public void Refusal_should_not_be_enough_when_it_comes_from_another_machine() =>
        Assert.Empty(PeerDowning.Wanted([Node("a", false, "h1"), Node("b", true, "h2", Lost("a", PeerLoss.NoListener))]));

    [Theory]
    [InlineData(PeerLoss.Silent, false)]
    [InlineData(PeerLoss.Reset, true)]
    [InlineData(PeerLoss.NoListener, true)]
    public void Node_should_be_downed_by_one_node_when_two_on_other_machines_have_lost_its_connection(PeerLoss loss, bool downed)
    {
        KnownNode[] Seen(int self) => [Node("a", self == 0, "h1", Lost("c", loss)), Node("b", self == 1, "h2", Lost("c", loss)), Node("c", self == 2, "h3")];
        Assert.Equal(downed ? ["akka://c"] : [], PeerDowning.Wanted(Seen(0)));
        Assert.Empty(PeerDowning.Wanted(Seen(1)));
    }

    [Fact]
    public void Nobody_should_be_downed_on_the_word_of_a_node_that_is_lost_itself() => Assert.Empty(PeerDowning.Wanted(
        [Node("a", true, "h1", Lost("b", PeerLoss.Reset)), Node("b", false, "h2", Lost("c", PeerLoss.Reset)), Node("c", false, "h3", Lost("b", PeerLoss.Silent))]));

    [Fact]
    public void Peer_should_be_given_up_only_when_it_stays_lost()
    {
        var time = new ManualTime();
        var lost = new LostPeers(time, TimeSpan.FromMilliseconds(300));
        Assert.Empty(lost.Follow(["a", "b"]));
        time.Advance(TimeSpan.FromMilliseconds(200));
        Assert.Empty(lost.Follow(["a"]));
        time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(["a"], lost.Follow(["a", "b"]));
        Assert.Empty(lost.Follow(["a", "b"]));
        time.Advance(TimeSpan.FromMilliseconds(300));
        Assert.Equal(["b"], lost.Follow(["a", "b"]));
    }
}
