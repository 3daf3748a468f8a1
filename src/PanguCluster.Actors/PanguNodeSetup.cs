using PanguCluster.Actors.Control;
using PanguCluster.Actors.Control.Autoscaling;
using PanguCluster.Actors.Credentials;
using PanguCluster.Actors.Links;
using PanguCluster.Actors.Routing;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Sessions.Journal;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tokenization;

namespace PanguCluster.Actors;

/// <summary>Roles a node may have. A node without the gateway role still runs streams if it is asked to; the role says who is reachable.</summary>
public static class NodeRoles
{
    public const string Decoder = "decoder";
    public const string Expert = Experts.GroupSharding.Role;
    public const string Gateway = "gateway";

    public static IReadOnlyList<string> All { get; } = [Decoder, Expert, Gateway];
}

/// <summary>Everything one node's actors need, validated once. Only the first three have no default.</summary>
public sealed record PanguNodeSetup
{
    /// <summary>Stable short id: 1 to 64 letters, digits, '-' or '_'.</summary>
    public required string NodeId { get; init; }

    public required PackedModel Model { get; init; }
    public required IKernels Kernels { get; init; }

    /// <summary>Null: a model without a tokenizer; texts are empty.</summary>
    public PanguTokenizer? Tokenizer { get; init; }

    /// <summary>Address of Akka.Remote.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>0: any free port.</summary>
    public int Port { get; init; }

    /// <summary>Name or address under which other nodes reach this one, for Akka.Remote and for links; null: <see cref="Host"/>.</summary>
    public string? AdvertisedHost { get; init; }

    /// <summary>Certificate of this node; all traffic to other machines' nodes is encrypted then, and both ends are known. Null: plain text.</summary>
    public NodeCredentials? Credentials { get; init; }

    /// <summary>
    /// host:port of nodes to join. Empty: this node forms a cluster of its own, which others may join. All nodes may have the same list, themselves included: the
    /// first in it forms a cluster when none of the others has one.
    /// </summary>
    public IReadOnlyList<string> SeedNodes { get; init; } = [];

    public IReadOnlyList<string> Roles { get; init; } = NodeRoles.All;
    public DecoderOptions Decoder { get; init; } = new();

    /// <summary>Threads of the decoder's kernels.</summary>
    public int TrunkThreads { get; init; } = 1;

    /// <summary>How many of this node's groups compute at once: threads of the compute dispatcher.</summary>
    public int ExpertThreads { get; init; } = Environment.ProcessorCount;

    /// <summary>Threads of one group's kernels.</summary>
    public int GroupThreads { get; init; } = 1;

    /// <summary>Recompute a file's SHA-256 when it is mapped.</summary>
    public bool VerifyDigests { get; init; } = true;

    /// <summary>Incarnations wanted of each group, on distinct nodes; fewer where there are fewer nodes.</summary>
    public int Replicas { get; init; } = 2;

    /// <summary>Most groups that this node takes.</summary>
    public int MaxGroups { get; init; } = int.MaxValue;

    /// <summary>Which groups read all their weights once before they are ready.</summary>
    public Experts.WarmMode Warm { get; init; } = Experts.WarmMode.On;

    /// <summary>Bytes that warm groups may take, for <see cref="Experts.WarmMode.Auto"/>.</summary>
    public Func<long> WeightMemory { get; init; } = () => long.MaxValue;

    /// <summary>Starts and ends nodes for <c>scale</c>; null: nobody does.</summary>
    public INodeLauncher? Launcher { get; init; }

    /// <summary>Not null: the cluster grows and shrinks by itself, within these bounds. The same on every node.</summary>
    public AutoscaleOptions? Autoscale { get; init; }

    /// <summary>The cluster has decided that this node, empty by now, is to leave it. May be called more than once.</summary>
    public Action<string> Leave { get; init; } = _ => { };

    /// <summary>This node cannot stay in the cluster, and why. May be called more than once.</summary>
    public Action<string> Refused { get; init; } = _ => { };

    /// <summary>The first placement waits for so many expert nodes, at most <see cref="ExpertPatience"/>.</summary>
    public int MinExpertNodes { get; init; } = 1;

    public TimeSpan ExpertPatience { get; init; } = TimeSpan.FromSeconds(20);

    public LinkOptions Links { get; init; } = new();
    /// <summary>Where files that this node lacks are put, and how fast they may come.</summary>
    public Weights.FetchOptions Fetch { get; init; } = new();

    public RouterOptions Router { get; init; } = RouterOptions.Default;
    public StreamOptions Streams { get; init; } = StreamOptions.Default;

    /// <summary>Where sessions are recorded.</summary>
    public JournalOptions Journal { get; init; } = JournalOptions.Memory;

    public SessionOptions Sessions { get; init; } = SessionOptions.Default;

    /// <summary>Where clients connect, to publish; empty for a node without the gateway role.</summary>
    public string GrpcAddress { get; init; } = "";

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>HOCON that goes before everything else.</summary>
    public string ExtraHocon { get; init; } = "";

    /// <exception cref="ArgumentException">A field is out of range; the message names it and its limit.</exception>
    public void Validate()
    {
        Require(NodeId.Length is >= 1 and <= 64 && NodeId.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'), nameof(NodeId),
            $"'{NodeId}' is not 1 to 64 letters, digits, '-' or '_'");
        Require(Port is >= 0 and <= 65535, nameof(Port), $"{Port} is not in 0..65535");
        RequireHost(Host, nameof(Host));
        RequireHost(AdvertisedHost ?? Host, nameof(AdvertisedHost));
        Require(Roles.Count > 0 && Roles.All(NodeRoles.All.Contains), nameof(Roles), $"must be some of {string.Join(", ", NodeRoles.All)}");
        Require(TrunkThreads is >= 1 and <= 256, nameof(TrunkThreads), $"{TrunkThreads} is not in 1..256");
        Require(ExpertThreads is >= 1 and <= 256, nameof(ExpertThreads), $"{ExpertThreads} is not in 1..256");
        Require(GroupThreads is >= 1 and <= 256, nameof(GroupThreads), $"{GroupThreads} is not in 1..256");
        Require(Replicas is >= 1 and <= 16, nameof(Replicas), $"{Replicas} is not in 1..16");
        Require(MaxGroups >= 1, nameof(MaxGroups), $"{MaxGroups} is less than 1");
        Autoscale?.Validate();
        Router.Hedging.Validate();
        Require(MinExpertNodes is >= 1 and <= 1024, nameof(MinExpertNodes), $"{MinExpertNodes} is not in 1..1024");
        Require(Sessions.Keep > TimeSpan.Zero && Sessions.Keep <= SessionOptions.MaxKeep, nameof(Sessions), $"keep {Sessions.Keep} is not in 0..{SessionOptions.MaxKeep.TotalDays} days");
        Require(Sessions.Silence > TimeSpan.Zero && Sessions.SweepEvery > TimeSpan.Zero, nameof(Sessions), "silence and sweep interval must be positive");
        Require(Fetch.BytesPerSecond is null or >= Weights.FetchOptions.MinBytesPerSecond, nameof(Fetch), $"{Fetch.BytesPerSecond} bytes per second are fewer than {Weights.FetchOptions.MinBytesPerSecond}");
        foreach (string seed in SeedNodes)
            ParseSeed(seed, Credentials is not null);
    }

    /// <summary>"host:port" or a full Akka address.</summary>
    /// <exception cref="ArgumentException">Neither.</exception>
    internal static string ParseSeed(string seed, bool tls)
    {
        if (Akka.Actor.Address.TryParse(seed, out var address) && address.Port is not null)
            return address.ToString();
        int colon = seed.LastIndexOf(':');
        bool valid = colon > 0 && int.TryParse(seed.AsSpan(colon + 1), out int port) && port is > 0 and <= 65535
            && !seed.Any(c => char.IsWhiteSpace(c) || c is '"' or '\\' or '/');
        Require(valid, nameof(SeedNodes), $"'{seed}' is not host:port");
        return $"akka.{(tls ? "ssl.tcp" : "tcp")}://{PanguNode.SystemName}@{seed}";
    }

    private static void RequireHost(string host, string field) =>
        Require(host.Length > 0 && !host.Any(c => char.IsWhiteSpace(c) || c is '"' or '\\'), field, $"'{host}' is no host name or address");

    private static void Require(bool condition, string field, string otherwise)
    {
        if (!condition)
            throw new ArgumentException($"{field}: {otherwise}");
    }
}
