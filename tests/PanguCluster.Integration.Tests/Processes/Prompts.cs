using PanguCluster.Chaos.Processes;
using System.Globalization;

namespace PanguCluster.Integration.Tests.Processes;

/// <summary>The answers that must be the same wherever they are computed: greedy and sampled, text, chat and ids, with log probabilities.</summary>
internal static class Prompts
{
    public static IReadOnlyList<string[]> All { get; } =
    [
        ["--chat", "What is 38+47?", "--temperature", "0", "--seed", "10", "--logprobs", "3", "--session-id", "greedy-chat"],
        ["Once upon a time there was", "--seed", "11", "--max-tokens", "60", "--logprobs", "0", "--session-id", "sampled-story"],
        ["--ids", "1,12,375,4040,440,322", "--seed", "12", "--top-k", "20", "--top-p", "0.9", "--max-tokens", "50", "--session-id", "sampled-ids"],
        ["--chat", Long(), "--temperature", "0.7", "--seed", "13", "--repetition-penalty", "1.2", "--max-tokens", "40", "--session-id", "long-prompt"],
    ];

    /// <summary>One client process; every event as JSON.</summary>
    public static async Task<string> AskAsync(string server, string[] prompt)
    {
        var ended = await RunningProgram.RunPanguAsync(["generate", .. prompt, "-o", "json", "--server", server]);
        return ended.Code == 0 ? ended.Output : throw new InvalidOperationException($"generate ended with {ended.Code}: {ended.Error}");
    }

    /// <summary>Long enough to be fed in several chunks.</summary>
    private static string Long() =>
        string.Join(' ', Enumerable.Range(0, 150).Select(i => string.Create(CultureInfo.InvariantCulture, $"Add {i} and {i * 7 % 100}.")));
}
