using PanguCluster.Actors.Tests.Nodes;
using Xunit;

namespace PanguCluster.Actors.Tests;

public sealed class PanguNodeSetupTests
{
    private static PanguNodeSetup Good => TestNode.Setup("n1", TestModel.Bf16);

    public static TheoryData<string, PanguNodeSetup> Bad => new()
    {
        { "NodeId", Good with { NodeId = "a b" } },
        { "NodeId", Good with { NodeId = "" } },
        { "Port", Good with { Port = 65536 } },
        { "Host", Good with { Host = "a\"b" } },
        { "Roles", Good with { Roles = ["king"] } },
        { "Roles", Good with { Roles = [] } },
        { "ExpertThreads", Good with { ExpertThreads = 0 } },
        { "MaxGroups", Good with { MaxGroups = 0 } },
        { "MinExpertNodes", Good with { MinExpertNodes = 0 } },
        { "SeedNodes", Good with { SeedNodes = ["nowhere"] } },
        { "SeedNodes", Good with { SeedNodes = ["host:99999"] } },
    };

    [Theory]
    [MemberData(nameof(Bad), DisableDiscoveryEnumeration = true)]
    public void Setup_should_name_the_field_when_it_is_out_of_range(string field, PanguNodeSetup setup) =>
        Assert.StartsWith(field + ":", Assert.Throws<ArgumentException>(() => new PanguNode(setup)).Message, StringComparison.Ordinal);

    [Fact]
    public void Setup_should_refuse_hedging_that_is_out_of_range()
    {
        var setup = Good with { Router = Good.Router with { Hedging = Good.Router.Hedging with { Factor = 0.5 } } };
        Assert.Equal("Factor", Assert.Throws<ArgumentOutOfRangeException>(() => new PanguNode(setup)).ParamName);
    }

    [Theory]
    [InlineData("10.0.0.1:4053", "akka.tcp://pangu@10.0.0.1:4053")]
    [InlineData("akka.tcp://pangu@h:1", "akka.tcp://pangu@h:1")]
    public void Seed_should_be_host_and_port_or_a_full_address(string seed, string expected) => Assert.Equal(expected, PanguNodeSetup.ParseSeed(seed, tls: false));

    [Theory]
    [InlineData(5, "127.0.0.1:4053", "127.0.0.1:4054")]
    [InlineData(1, "127.0.0.1:4054", "127.0.0.1:4053")]
    [InlineData(1, "127.0.0.1:4053")]
    public void Seed_that_may_form_a_cluster_should_be_patient_with_the_others(double seconds, params string[] seeds) => Assert.Equal(
        TimeSpan.FromSeconds(seconds), PanguNodeHocon.Of(Good with { Port = 4053, SeedNodes = seeds }).GetTimeSpan("akka.cluster.seed-node-timeout"));

    [Fact]
    public void Tuned_keys_should_be_the_ones_in_force()
    {
        var config = PanguNodeHocon.Of(Good with { ExtraHocon = "akka.cluster.gossip-interval = 7s" });
        Assert.Equal(TimeSpan.FromMilliseconds(1), config.GetTimeSpan("akka.cluster.down-removal-margin"));
        Assert.Equal("ddata", config.GetString("akka.cluster.sharding.state-store-mode"));
        Assert.Equal(1024 * 1024, config.GetByteSize("akka.remote.dot-netty.tcp.maximum-frame-size"));
        Assert.Equal(TimeSpan.FromSeconds(7), config.GetTimeSpan("akka.cluster.gossip-interval"));
        Assert.Equal(2, config.GetInt("pangu.compute-dispatcher.dedicated-thread-pool.thread-count"));
    }
}
