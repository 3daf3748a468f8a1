namespace PanguCluster.Actors.Streams;

/// <summary>One reader's place in a <see cref="Transcript"/>.</summary>
/// <param name="next">First index wanted of every choice.</param>
/// <param name="wantsPrompt">Whether the echoed prompt goes before the tokens.</param>
internal sealed class TranscriptCursor(int[] next, bool wantsPrompt)
{
    public int[] Next { get; } = next;
    public bool WantsPrompt { get; } = wantsPrompt;

    /// <summary>Tokens passed, of every choice.</summary>
    public int[] Seen { get; } = new int[next.Length];

    public bool SawAccepted { get; set; }
    public int PromptPosition { get; set; }
    public int Position { get; set; }
    public int Ends { get; set; }

    /// <summary>The reader has had its last event.</summary>
    public bool Done { get; set; }
}
