using System.Reflection;
using System.Text;
using Akka.Configuration;
using PanguCluster.Actors.Experts;
using PanguCluster.Actors.Sessions.Journal;

namespace PanguCluster.Actors;

/// <summary>The one place where HOCON is put together: the tuned keys of cluster-config/pangu.hocon and what differs from node to node.</summary>
internal static class PanguNodeHocon
{
    /// <summary>Devices: rows are computed on these threads, in the order of their arrival and one message at a time.</summary>
    public const string ComputeDispatcher = "pangu.compute-dispatcher";

    /// <summary>The decoder: one thread of its own, so that kernels never hold up heartbeats.</summary>
    public const string DecoderDispatcher = "pangu.decoder-dispatcher";

    /// <summary>The router: one thread of its own, so that a layer's answers are collected while trunk and devices compute.</summary>
    public const string RouterDispatcher = "pangu.router-dispatcher";

    /// <summary>
    /// The first of the seed nodes forms a cluster when no other answers for so long. One that only starts again must not: its cluster lives, and answers as soon
    /// as names are resolved and connections made.
    /// </summary>
    private static readonly TimeSpan FirstSeedPatience = TimeSpan.FromSeconds(5);

    public static Config Of(PanguNodeSetup setup)
    {
        var text = new StringBuilder();
        text.AppendLine($"akka.remote.dot-netty.tcp.hostname = \"{setup.Host}\"");
        if (setup.AdvertisedHost is { } advertised)
            text.AppendLine($"akka.remote.dot-netty.tcp.public-hostname = \"{advertised}\"");
        if (setup.Credentials is not null)
            text.AppendLine("akka.remote.dot-netty.tcp.enable-ssl = true");
        text.AppendLine($"akka.remote.dot-netty.tcp.port = {setup.Port}");
        text.AppendLine($"akka.cluster.roles = [{string.Join(", ", Roles(setup).Select(r => $"\"{r}\""))}]");
        text.AppendLine($"akka.cluster.seed-nodes = [{string.Join(", ", setup.SeedNodes.Select(s => $"\"{SeedOf(setup, s)}\""))}]");
        if (MayFormBesideOthers(setup))
            text.AppendLine($"akka.cluster.seed-node-timeout = {FirstSeedPatience.TotalSeconds}s");
        AppendDispatcher(text, ComputeDispatcher, setup.ExpertThreads);
        AppendDispatcher(text, DecoderDispatcher, 1);
        AppendDispatcher(text, RouterDispatcher, 1);
        return ConfigurationFactory.ParseString(setup.ExtraHocon)
            .WithFallback(ConfigurationFactory.ParseString(text.ToString()))
            .WithFallback(JournalSetup.Hocon(setup.Journal))
            .WithFallback(ConfigurationFactory.ParseString(Tuned()));
    }

    /// <summary>Akka's rule: of all nodes that are given the same list, only the first in it joins itself.</summary>
    private static bool MayFormBesideOthers(PanguNodeSetup setup) =>
        setup.SeedNodes.Count > 1 && SeedOf(setup, setup.SeedNodes[0]) == SeedOf(setup, $"{setup.AdvertisedHost ?? setup.Host}:{setup.Port}");

    private static string SeedOf(PanguNodeSetup setup, string seed) => PanguNodeSetup.ParseSeed(seed, setup.Credentials is not null);

    /// <summary>Of a system that asks one node one question before it is a member of anything: it listens on any port and lets nobody in.</summary>
    public static Config OfAsker(string host, string? advertisedHost, bool tls) => ConfigurationFactory.ParseString($"""
        akka.actor.provider = remote
        akka.loggers = []
        akka.stdout-loglevel = OFF
        akka.remote.untrusted-mode = on
        akka.remote.dot-netty.tcp.hostname = "{host}"
        akka.remote.dot-netty.tcp.public-hostname = "{advertisedHost ?? host}"
        akka.remote.dot-netty.tcp.port = 0
        akka.remote.dot-netty.tcp.enable-ssl = {(tls ? "true" : "false")}
        """).WithFallback(ConfigurationFactory.ParseString(Tuned()));

    private static IEnumerable<string> Roles(PanguNodeSetup setup) =>
        setup.Roles.Contains(NodeRoles.Expert) ? setup.Roles.Append(GroupSharding.RoleOf(setup.Model.Manifest)) : setup.Roles;

    /// <summary>Throughput 1: after each message another actor's turn, or one device's queue would hold up its neighbour's.</summary>
    private static void AppendDispatcher(StringBuilder text, string name, int threads)
    {
        text.AppendLine($"{name}.type = ForkJoinDispatcher");
        text.AppendLine($"{name}.throughput = 1");
        text.AppendLine($"{name}.dedicated-thread-pool.thread-count = {threads}");
        text.AppendLine($"{name}.dedicated-thread-pool.threadtype = background");
    }

    private static string Tuned()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("pangu.hocon")
            ?? throw new InvalidOperationException("pangu.hocon is not embedded in this build");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
