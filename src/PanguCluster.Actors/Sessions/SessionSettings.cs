using Akka.Actor;
using PanguCluster.Actors.Sessions.Book;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Actors.Sessions;

/// <summary>What the sessions of a node share.</summary>
/// <param name="Host">Names this process among all that ever were in the cluster.</param>
/// <param name="Writer">Keeps the index of sessions up to date.</param>
/// <param name="Refusal">Why no session may begin here now, or null.</param>
internal sealed record SessionSettings(
    string Host, SessionOptions Options, ISessionIndex Index, IActorRef Writer, StreamCounters Counters, Func<string?> Refusal, TimeProvider Time);
