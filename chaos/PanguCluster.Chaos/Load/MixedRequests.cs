using Pangu.V1;
using PanguCluster.Chaos.Processes;

namespace PanguCluster.Chaos.Load;

/// <summary>A mix of what people ask for: greedy and sampled, one answer and two, stop texts, long prompts, log probabilities, an echo.</summary>
internal static class MixedRequests
{
    private const int Kinds = 8;

    public static IReadOnlyList<GenerateRequest> Mixed(int count) => [.. Enumerable.Range(0, count).Select(One)];

    private static GenerateRequest One(int i)
    {
        ulong seed = (ulong)(1000 + i);
        string start = Starts[i % Starts.Length];
        return (i % Kinds) switch
        {
            0 => new() { Text = start, MaxTokens = 1500, Sampling = new Sampling { Temperature = 0, Seed = seed } },
            1 => new() { Text = start, MaxTokens = 700, N = 2, Sampling = new Sampling { Temperature = 1, Seed = seed } },
            2 => new() { Text = Long(i), MaxTokens = 400, Sampling = new Sampling { Temperature = 0.8f, Seed = seed, RepetitionPenalty = 1.1f } },
            3 => new()
            {
                Chat = new Chat { Messages = { new ChatMessage { Role = "user", Content = $"What is {i}+{(i * 37) % 50}?" } } },
                MaxTokens = 300, Logprobs = 3, Sampling = new Sampling { Temperature = 0, Seed = seed },
            },
            4 => new()
            {
                TokenIds = new TokenIds { Ids = { 1, 12, 375, 4040, 440, 322 + i } }, MaxTokens = 800, N = 2, Logprobs = 0,
                Sampling = new Sampling { Temperature = 1.2f, TopK = 40, TopP = 0.95f, Seed = seed },
            },
            5 => new() { Text = start, MaxTokens = 1200, Stop = { "dragon flew", "the end of" }, Sampling = new Sampling { Temperature = 1, MinP = 0.02f, Seed = seed } },
            6 => new() { Text = Long(i), MaxTokens = 500, N = 2, Stop = { " king of the", "\n\n" }, Sampling = new Sampling { Temperature = 0.9f, Seed = seed } },
            _ => new() { Text = start, Echo = true, Logprobs = 2, MaxTokens = 600, Sampling = new Sampling { Temperature = 0.7f, FrequencyPenalty = 0.3f, Seed = seed } },
        };
    }

    private static readonly string[] Starts =
    [
        "Once upon a time there was a little girl", "The king said to the queen", "In the dark wood there lived", "There was once a poor man who", "One day the wolf",
    ];

    private static string Long(int i)
    {
        string prose = File.ReadAllText(Path.Combine(Repository.Nano, "eval", "prose.txt"));
        return prose.Substring(i * 2000, 2400);
    }
}
