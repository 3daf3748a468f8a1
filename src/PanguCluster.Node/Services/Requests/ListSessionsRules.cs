using Pangu.V1;

namespace PanguCluster.Node.Services;

/// <summary>What a checked listing asks for.</summary>
/// <param name="States">Empty: all.</param>
/// <param name="Node">Empty: all.</param>
public sealed record SessionQuery(string Prefix, int Limit, IReadOnlySet<Session.Types.State> States, string Node)
{
    public bool Filters => States.Count > 0 || Node.Length > 0;

    public bool Wants(Session session) => (States.Count == 0 || States.Contains(session.State)) && session.Node.StartsWith(Node, StringComparison.Ordinal);
}

/// <summary>Checks what a listing of sessions asks for. Pure.</summary>
public static class ListSessionsRules
{
    private const int NodeLength = 64;

    /// <exception cref="RequestError">Names the field and the limit.</exception>
    public static SessionQuery Check(ListSessionsRequest request)
    {
        if (request.Prefix.Length > 0 && !SessionRules.IsId(request.Prefix))
            throw RequestError.Invalid("prefix: give at most 64 of A-Z a-z 0-9 - _ . :");
        if (request.Limit is < 0 or > RequestLimits.Sessions)
            throw RequestError.Invalid($"limit: {request.Limit}; give 1 .. {RequestLimits.Sessions}, or 0 for {RequestLimits.DefaultSessions}");
        int known = Enum.GetValues<Session.Types.State>().Length - 1;
        if (request.States.Count > known)
            throw RequestError.Invalid($"states: {request.States.Count} states; the limit is {known}");
        for (int i = 0; i < request.States.Count; i++)
            if (request.States[i] == Session.Types.State.Unspecified || !Enum.IsDefined(request.States[i]))
                throw RequestError.Invalid($"states[{i}]: {(int)request.States[i]}; give running, interrupted, finished, cancelled or failed");
        if (request.Node.Length > NodeLength)
            throw RequestError.Invalid($"node: {request.Node.Length} characters; the limit is {NodeLength}");
        return new SessionQuery(
            request.Prefix, request.Limit == 0 ? RequestLimits.DefaultSessions : request.Limit, request.States.ToHashSet(), request.Node);
    }
}
