using System.Text.RegularExpressions;
using Pangu.V1;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Node.Services;

/// <summary>Checks what names a session, and a place in one. Pure.</summary>
public static partial class SessionRules
{
    /// <returns><paramref name="id"/>.</returns>
    /// <exception cref="RequestError">It cannot be the name of a session.</exception>
    public static string CheckId(string id) => IsId(id)
        ? id
        : throw RequestError.Invalid("session_id: give 1 .. 64 of A-Z a-z 0-9 - _ . :");

    public static bool IsId(string id) => IdPattern().IsMatch(id);

    /// <exception cref="RequestError">Names the field and the limit.</exception>
    public static Actors.Streams.ResumeRequest Check(Pangu.V1.ResumeRequest request, string owner, DateTimeOffset? deadline)
    {
        string session = CheckId(request.SessionId);
        if (request.NextIndices.Count > RequestLimits.Choices)
            throw RequestError.Invalid($"next_indices: {request.NextIndices.Count} indices; the limit is {RequestLimits.Choices}");
        if (request.NextIndices.Count > 0 && request.NextIndex != 0)
            throw RequestError.Invalid("next_index: give it or next_indices, not both");
        if (request.NextIndex < 0)
            throw RequestError.Invalid($"next_index: {request.NextIndex}; give 0 or more");
        for (int i = 0; i < request.NextIndices.Count; i++)
            if (request.NextIndices[i] < 0)
                throw RequestError.Invalid($"next_indices[{i}]: {request.NextIndices[i]}; give 0 or more");
        return new Actors.Streams.ResumeRequest(
            session, request.NextIndices.Count > 0 ? [.. request.NextIndices] : [request.NextIndex], owner, deadline);
    }

    [GeneratedRegex(@"^[A-Za-z0-9_.:-]{1,64}\z")]
    private static partial Regex IdPattern();
}
