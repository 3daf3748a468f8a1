using System.Globalization;
using Pangu.V1;

namespace PanguCluster.Client.Tests.Scripted;

/// <summary>What an undisturbed server sends.</summary>
internal static class Answers
{
    public const int PromptTokens = 5;

    /// <summary>Accepted, the echoed prompt in pieces of two, tokens of all choices in turn, and their ends with a last text.</summary>
    public static List<GenerateEvent> Make(string sessionId, ulong seed, int choices = 1, int tokens = 6, bool echo = false)
    {
        List<GenerateEvent> events = [new() { Accepted = new Accepted { SessionId = sessionId, Seed = seed, Model = "scripted", PromptTokens = PromptTokens } }];
        if (echo)
            events.AddRange(Enumerable.Range(0, PromptTokens).Chunk(2).Select(piece => new GenerateEvent
            {
                Prompt = new Prompt { Tokens = { piece.Select(i => new PromptToken { Index = i, TokenId = 50 + i, Text = $"p{i} " }) } },
            }));
        for (int i = 0; i < tokens; i++)
            for (int c = 0; c < choices; c++)
                // Choices of different lengths: some end while others go on.
                if (i < Length(c, tokens))
                    events.Add(Token(c, i));
                else if (i == Length(c, tokens))
                    events.Add(Finished(c, i));
        for (int c = 0; c < choices; c++)
            if (Length(c, tokens) == tokens)
                events.Add(Finished(c, tokens));
        return events;
    }

    public static GenerateEvent Token(int choice, int index) => new()
    {
        Token = new Token
        {
            Choice = choice, Index = index, TokenId = 100 * (choice + 1) + index, Text = index % 3 == 2 ? "" : string.Create(CultureInfo.InvariantCulture, $"c{choice}t{index} "),
            Logprob = -0.25f * index, TopLogprobs = { new TopLogprob { TokenId = 7, Logprob = -0.125f } },
        },
    };

    /// <summary>What is left of an answer for a caller who has the tokens below these indices.</summary>
    public static IEnumerable<GenerateEvent> Rest(IEnumerable<GenerateEvent> answer, ResumeRequest from)
    {
        int Next(int choice) => from.NextIndices.Count > 0 ? from.NextIndices[choice] : from.NextIndex;
        bool fromStart = from.NextIndex == 0 && from.NextIndices.All(i => i == 0);
        return answer.Where(e => e.EventCase switch
        {
            GenerateEvent.EventOneofCase.Token => e.Token.Index >= Next(e.Token.Choice),
            GenerateEvent.EventOneofCase.Prompt => fromStart,
            _ => true,
        });
    }

    /// <summary>Events in an order that does not depend on how the choices mix.</summary>
    public static string Picture(IEnumerable<GenerateEvent> events) => string.Join('\n', events
        .SelectMany(e => e.EventCase == GenerateEvent.EventOneofCase.Prompt
            ? e.Prompt.Tokens.Select(t => new GenerateEvent { Prompt = new Prompt { Tokens = { t } } })
            : [e])
        .GroupBy(e => e.Token?.Choice ?? e.Finished?.Choice ?? -1).OrderBy(g => g.Key).SelectMany(g => g));

    private static int Length(int choice, int tokens) => Math.Max(1, tokens - choice);

    private static GenerateEvent Finished(int choice, int tokens) => new()
    {
        Finished = new Finished
        {
            Choice = choice, Reason = choice == 0 ? Pangu.V1.Finished.Types.Reason.Length : Pangu.V1.Finished.Types.Reason.Stop, Text = "end",
            Usage = new Usage { PromptTokens = PromptTokens, GeneratedTokens = tokens },
        },
    };
}
