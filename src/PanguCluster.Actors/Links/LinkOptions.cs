using PanguCluster.Actors.Credentials;

namespace PanguCluster.Actors.Links;

/// <summary>Where a node's links listen and how patient they are.</summary>
/// <param name="Host">Address of the TCP listener, or null for none. Loopback unless the operator says otherwise.</param>
/// <param name="Port">0: any free port.</param>
/// <param name="UnixFolder">Folder for the Unix-domain socket; null: a fresh one of this user's temporary files; empty: no such socket.</param>
/// <param name="Heartbeat">Longest silence of a healthy link.</param>
/// <param name="MissedHeartbeats">How many may be missing before the peer is suspected.</param>
public sealed record LinkOptions(
    string? Host = "127.0.0.1", int Port = 0, string? UnixFolder = null, TimeSpan? Heartbeat = null, int MissedHeartbeats = 3)
{
    public TimeSpan HeartbeatInterval => Heartbeat ?? TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// After so long without a byte the dispatching end suspects its peer. 350 ms is short because a suspicion is cheap where a group has
    /// another owner, and long because it is not where it has none: heartbeats come from threads of their own, which pauses of the garbage
    /// collector and busy cores hold up for tens of milliseconds.
    /// </summary>
    public TimeSpan Silence => HeartbeatInterval * (MissedHeartbeats + 0.5);

    /// <summary>
    /// The answering end only wants its buffers back some time: a decoder that was held up must not find all its links closed.
    /// </summary>
    public TimeSpan SessionSilence => Silence * 4;

    /// <summary>Host that peers are told instead of the one listened on, which may be all of the machine's addresses; null: that one.</summary>
    public string? AdvertisedHost { get; init; }

    /// <summary>Not null: TCP links are encrypted, and both ends must have a node's certificate.</summary>
    public NodeCredentials? Credentials { get; init; }

    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Most dispatches of one peer that may be unanswered: 1 in the steady state, more after a re-route.</summary>
    public int InFlight { get; init; } = 3;

    /// <summary>Most links from peers at once.</summary>
    public int MaxSessions { get; init; } = 64;
}

/// <summary>What two ends must agree on before a row crosses.</summary>
public sealed record LinkIdentity(string NodeId, string ModelDigest, int NumericsVersion);

/// <param name="Unix">Path of the Unix-domain socket, or empty.</param>
/// <param name="Tcp">host:port, or empty.</param>
/// <param name="HostId">Equal for two nodes of one machine.</param>
public readonly record struct LinkEndpoints(string Unix, string Tcp, string HostId)
{
    public override string ToString() => Unix.Length == 0 ? Tcp : Tcp.Length == 0 ? "unix:" + Unix : $"unix:{Unix} {Tcp}";
}
