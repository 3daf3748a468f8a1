using System.Text;
using Microsoft.Extensions.Logging;

namespace PanguCluster.Client;

/// <summary>What a client shows to the servers, whom it trusts, and how long it keeps trying. Certificates are PEM files.</summary>
/// <param name="ApiKey">Sent with every call, over TLS or to this machine only; null: none.</param>
/// <param name="CaFile">The only authorities trusted; null: those of the system. Makes <c>host:port</c> mean https.</param>
/// <param name="ClientCertFile">Certificate shown to the servers; null: none. Makes <c>host:port</c> mean https.</param>
/// <param name="ClientKeyFile">Its private key.</param>
public sealed record PanguClientOptions(string? ApiKey = null, string? CaFile = null, string? ClientCertFile = null, string? ClientKeyFile = null)
{
    /// <summary>
    /// Longest time that an accepted answer stays cut off before it fails: the time without a connection, added up since its last new
    /// token. 0: every server is tried once.
    /// </summary>
    public TimeSpan RetryLimit { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Longest time to look for a server that accepts a request or answers a question. 0: every server is tried once.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest pause before the next attempt at one server; the first is <see cref="FirstPause"/>, then they double.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a server rests after its first failure. Another server is tried at once.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Longest time to open a connection, TLS included: what a host that swallows packets costs.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A connection in use that has brought nothing for so long is pinged; at least 1 s.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A connection that does not answer a ping for so long is dead; at least 1 s.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Longest wait for the next token, once there was one, before another server is asked for it.</summary>
    public TimeSpan IdleLimit { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Told of broken streams, recoveries and servers that fail; never of prompts, answers or keys. Null: nobody.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>Clock of pauses and limits.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Whether an address without a scheme is one of a TLS endpoint.</summary>
    internal bool MeansTls => CaFile is not null || ClientCertFile is not null;

    /// <exception cref="ArgumentException">A time is out of its range.</exception>
    internal void Check()
    {
        var day = TimeSpan.FromDays(1);
        InRange(nameof(RetryLimit), RetryLimit, TimeSpan.Zero, day);
        InRange(nameof(StartLimit), StartLimit, TimeSpan.Zero, day);
        InRange(nameof(FirstPause), FirstPause, TimeSpan.FromMilliseconds(1), LongestPause);
        InRange(nameof(LongestPause), LongestPause, FirstPause, TimeSpan.FromMinutes(1));
        InRange(nameof(ConnectTimeout), ConnectTimeout, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(1));
        InRange(nameof(KeepAliveInterval), KeepAliveInterval, TimeSpan.FromSeconds(1), day);
        InRange(nameof(KeepAliveTimeout), KeepAliveTimeout, TimeSpan.FromSeconds(1), day);
        InRange(nameof(IdleLimit), IdleLimit, TimeSpan.FromMilliseconds(10), day);
    }

    private static void InRange(string name, TimeSpan value, TimeSpan least, TimeSpan most)
    {
        if (value < least || value > most)
            throw new ArgumentException($"{name}: {value}; it is {least} to {most}.");
    }

    /// <summary>Without the key: a record would print it.</summary>
    private bool PrintMembers(StringBuilder text)
    {
        text.Append($"ApiKey = {(ApiKey is null ? "none" : "(set)")}, CaFile = {CaFile}, ClientCertFile = {ClientCertFile}, ")
            .Append($"RetryLimit = {RetryLimit}, StartLimit = {StartLimit}");
        return true;
    }
}
