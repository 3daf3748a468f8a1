using Akka.Actor;
using Akka.Cluster;
using PanguCluster.Actors.Sessions.Book;
using PanguCluster.Actors.Sessions.Journal;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Actors.Sessions;

/// <summary>A node's part in keeping sessions: made before the actor system, started once inside it.</summary>
internal sealed class SessionNode
{
    private readonly JournalOptions _journal;
    private readonly SessionOptions _options;
    private readonly StreamSettings _streams;
    private readonly ISessionIndex _index;
    private readonly SessionBook _book;

    public SessionNode(JournalOptions journal, SessionOptions options, StreamSettings streams)
    {
        _journal = journal;
        _options = options;
        _streams = streams;
        _index = journal.Kind == JournalKind.Memory ? new MemorySessionIndex() : new SqlSessionIndex(journal);
        _book = new SessionBook(_index, streams);
    }

    public ISessionBook Book => _book;

    public JournalHealth Health { get; } = new();

    /// <returns>The sessions' region: where <see cref="SessionProtocol.ICommand"/>s go.</returns>
    /// <param name="keeps">Whether this node keeps sessions, or only reaches those of others.</param>
    public IActorRef Start(ActorSystem system, bool keeps)
    {
        var region = keeps ? Keep(system) : SessionSharding.StartProxy(system);
        _book.Open(system, region);
        return region;
    }

    private IActorRef Keep(ActorSystem system)
    {
        var writer = system.ActorOf(Props.Create(() => new SessionIndexWriter(_index, Health)), "pangu-session-index");
        var settings = new SessionSettings(
            SessionHosts.Self(Cluster.Get(system)), _options, _index, writer, _streams.Counters, WhyNot, _streams.Time);
        var region = SessionSharding.Start(system, settings);
        system.ActorOf(Props.Create(() => new SessionSweeper(_index, region, _options, _streams.Time)), "pangu-session-sweeper");
        return region;
    }

    /// <summary>A file serves the processes of one machine; two machines would keep two records of one session.</summary>
    private string? WhyNot() => _journal.Kind == JournalKind.Sqlite && _streams.View.SpansHosts
        ? "sessions are recorded in a file of this machine, but the cluster has nodes on other machines: start every node with --journal postgres://USER:PASSWORD@HOST/DATABASE"
        : null;
}
