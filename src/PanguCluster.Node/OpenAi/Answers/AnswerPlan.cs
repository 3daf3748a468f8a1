using PanguCluster.Actors.Streams;

namespace PanguCluster.Node.OpenAi;

/// <summary>A checked request on its way to the streams, and how its answer is to look.</summary>
/// <param name="Session">Name of the session, of all of them together where there are several prompts.</param>
/// <param name="Prompts">How many sessions there are.</param>
/// <param name="Choices">Choices of each of them; choice c of prompt p is number p * Choices + c.</param>
/// <param name="Next">First index that is still wanted of every choice; null: a new request.</param>
public sealed record AnswerPlan(ApiRequest Request, string Session, int Prompts, int Choices, int[]? Next)
{
    public int AllChoices => Prompts * Choices;

    /// <summary>
    /// Whether what the caller has is replayed and dropped here instead of in the stream: offsets in the text count what came before.
    /// </summary>
    public bool ReplaysFromStart { get; init; }

    /// <summary>What the stream of one prompt is asked for.</summary>
    public ResumeRequest Resume(int prompt, string owner) => new(
        Prompts > 1 ? FormattableString.Invariant($"{Session}.{prompt}") : Session,
        ReplaysFromStart ? new int[Choices] : Next!.AsSpan(prompt * Choices, Choices).ToArray(), owner, Deadline: null);
}
