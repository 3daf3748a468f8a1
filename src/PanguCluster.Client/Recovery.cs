namespace PanguCluster.Client;

/// <summary>An answer that was cut off and goes on.</summary>
/// <param name="From">Server that was lost.</param>
/// <param name="To">Server that the answer comes from now.</param>
/// <param name="Pause">From the last event before to the first new one after: what the reader saw.</param>
/// <param name="Outage">From noticing the loss to the first new event.</param>
/// <param name="Attempts">Calls it took.</param>
/// <param name="Cause">Why the stream was lost: <c>connection lost</c>, or the status the server ended it with.</param>
/// <param name="Restarted">The servers knew nothing of the session any more: it was computed again from its start.</param>
public sealed record Recovery(string SessionId, string From, string To, TimeSpan Pause, TimeSpan Outage, int Attempts, string Cause, bool Restarted);
