namespace PanguCluster.Actors.Streams;

/// <summary>The callers of one stream.</summary>
internal sealed class Seats(Transcript transcript)
{
    private readonly HashSet<ClientSeat> _seats = [];

    public int Count => _seats.Count;

    /// <summary>Somebody waits for the echoed prompt.</summary>
    public bool PromptWanted { get; private set; }

    /// <summary>Gives the caller its place in the transcript, or the reason why it has none.</summary>
    /// <param name="nextIndices">As in <see cref="ResumeRequest.NextIndices"/>.</param>
    public bool Take(ClientSeat seat, IReadOnlyList<int> nextIndices, GenerationRequest request)
    {
        if (nextIndices.Count > 1 && nextIndices.Count != request.Choices)
            return Refused(seat, FailureKind.Invalid, $"next_indices: {nextIndices.Count} given, the session has {request.Choices} choices");
        int[] next = [.. Enumerable.Range(0, request.Choices).Select(c => nextIndices.Count == 0 ? 0 : nextIndices[nextIndices.Count == 1 ? 0 : c])];
        if (next.Any(i => i < 0))
            return Refused(seat, FailureKind.Invalid, $"next_index {next.First(i => i < 0)}: expected 0 or more");
        if (next.Any(i => i > request.MaxTokens))
            return Refused(
                seat, FailureKind.OutOfRange, $"next_index {next.First(i => i > request.MaxTokens)}: the session has at most {request.MaxTokens} tokens");
        bool prompt = request.Echo && next.All(i => i == 0);
        PromptWanted |= prompt;
        _seats.Add(seat);
        seat.Read(transcript, new TranscriptCursor(next, prompt));
        return true;
    }

    public bool Leave(ClientSeat seat) => _seats.Remove(seat);

    private static bool Refused(ClientSeat seat, FailureKind kind, string message)
    {
        seat.Refuse(kind, message);
        return false;
    }
}
