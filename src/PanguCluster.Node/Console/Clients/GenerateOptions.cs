using System.CommandLine;
using System.Globalization;
using Pangu.V1;

namespace PanguCluster.Node.Console;

/// <summary>The options of <c>pangu generate</c>, and the request they make. Values are judged by the server, which knows the limits.</summary>
public sealed class GenerateOptions
{
    private readonly Argument<string?> _prompt = new("PROMPT")
    {
        Description = "text to continue, or with --chat the user's message; - reads stdin", Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _ids = new("--ids") { Description = "token ids instead of a text, like 1,12,375", HelpName = "ID,ID,..." };
    private readonly Option<bool> _chat = new("--chat") { Description = "PROMPT is a message to answer, not a text to continue" };
    private readonly Option<string?> _system = new("--system") { Description = "system message of a chat (implies --chat)", HelpName = "TEXT" };
    private readonly Option<int?> _maxTokens = new("--max-tokens") { Description = "most tokens of the answer", HelpName = "N" };
    private readonly Option<float?> _temperature = new("--temperature") { Description = "0 is greedy; default 1", HelpName = "T" };
    private readonly Option<int?> _topK = new("--top-k") { Description = "draw from the K most likely tokens; 0 is off", HelpName = "K" };
    private readonly Option<float?> _topP = new("--top-p") { Description = "draw from the fewest tokens that reach this probability", HelpName = "P" };
    private readonly Option<float?> _minP = new("--min-p") { Description = "draw from tokens at least so likely relative to the first", HelpName = "P" };
    private readonly Option<float?> _repetition = new("--repetition-penalty") { Description = "1 is off", HelpName = "R" };
    private readonly Option<float?> _presence = new("--presence-penalty") { Description = "0 is off", HelpName = "P" };
    private readonly Option<float?> _frequency = new("--frequency-penalty") { Description = "0 is off", HelpName = "P" };
    private readonly Option<ulong?> _seed = new("--seed") { Description = "the same seed gives the same answer", HelpName = "S" };
    private readonly Option<string[]> _stop = new("--stop") { Description = "text that ends the answer; may be given several times", HelpName = "TEXT" };
    private readonly Option<int[]> _stopIds = new("--stop-token-id", "--stop-id") { Description = "token id that ends the answer; may be given several times", HelpName = "ID" };
    private readonly Option<int?> _logprobs = new("--logprobs") { Description = "log probabilities, and those of the N most likely tokens", HelpName = "N" };
    private readonly Option<int?> _n = new("--n") { Description = "answers to give, with one seed and a draw of its own each", HelpName = "N" };
    private readonly Option<bool> _echo = new("--echo") { Description = "repeat the prompt before the answer; with --logprobs, with its log probabilities" };
    private readonly Option<bool> _detached = new("--detached") { Description = "print the session's id and return; it runs to its end, and --resume reads it" };
    private readonly Option<string?> _session = new("--session-id")
    {
        Description = "name of the request: the same one again joins the same answer; default a new name", HelpName = "ID",
    };

    /// <summary>All that makes a new request.</summary>
    public IReadOnlyList<Symbol> All =>
        [_prompt, _ids, _chat, _system, _maxTokens, _temperature, _topK, _topP, _minP, _repetition, _presence, _frequency, _seed, _stop, _stopIds,
            _logprobs, _n, _echo, _detached, _session];

    public void AddTo(Command command)
    {
        command.Arguments.Add(_prompt);
        foreach (var option in All.OfType<Option>())
            command.Options.Add(option);
    }

    /// <param name="input">Where the prompt <c>-</c> is read from.</param>
    /// <exception cref="CommandFailedException">There is no prompt, or there are two.</exception>
    public async Task<GenerateRequest> ReadAsync(ParseResult parsed, TextReader input, CancellationToken stop)
    {
        var request = new GenerateRequest
        {
            Sampling = Sampling(parsed), SessionId = parsed.GetValue(_session) ?? "", Echo = parsed.GetValue(_echo), Detached = parsed.GetValue(_detached),
        };
        await SetPromptAsync(request, parsed, input, stop).ConfigureAwait(false);
        if (parsed.GetValue(_maxTokens) is { } maxTokens)
            request.MaxTokens = maxTokens;
        if (parsed.GetValue(_logprobs) is { } logprobs)
            request.Logprobs = logprobs;
        if (parsed.GetValue(_n) is { } n)
            request.N = n;
        request.Stop.AddRange(parsed.GetValue(_stop) ?? []);
        request.StopTokenIds.AddRange(parsed.GetValue(_stopIds) ?? []);
        return request;
    }

    private async Task SetPromptAsync(GenerateRequest request, ParseResult parsed, TextReader input, CancellationToken stop)
    {
        string? prompt = parsed.GetValue(_prompt);
        string? ids = parsed.GetValue(_ids);
        string? system = parsed.GetValue(_system);
        bool chat = parsed.GetValue(_chat) || system is not null;
        if (ids is not null && (prompt is not null || chat))
            throw new CommandFailedException(ExitCodes.Usage, "--ids takes the place of PROMPT and --chat: give one of them");
        if (ids is not null)
        {
            request.TokenIds = new TokenIds { Ids = { ParseNumbers("--ids", "token id", ids) } };
            return;
        }
        if (prompt is null)
            throw new CommandFailedException(ExitCodes.Usage, "no PROMPT: give a text, - for stdin, --ids 1,2,3, or --resume SESSION");
        if (prompt == "-")
            prompt = await input.ReadToEndAsync(stop).ConfigureAwait(false);
        if (!chat)
        {
            request.Text = prompt;
            return;
        }
        request.Chat = new Chat();
        if (system is not null)
            request.Chat.Messages.Add(new ChatMessage { Role = "system", Content = system });
        request.Chat.Messages.Add(new ChatMessage { Role = "user", Content = prompt });
    }

    private Sampling Sampling(ParseResult parsed)
    {
        var sampling = new Sampling();
        if (parsed.GetValue(_temperature) is { } temperature)
            sampling.Temperature = temperature;
        if (parsed.GetValue(_topK) is { } topK)
            sampling.TopK = topK;
        if (parsed.GetValue(_topP) is { } topP)
            sampling.TopP = topP;
        if (parsed.GetValue(_minP) is { } minP)
            sampling.MinP = minP;
        if (parsed.GetValue(_repetition) is { } repetition)
            sampling.RepetitionPenalty = repetition;
        if (parsed.GetValue(_presence) is { } presence)
            sampling.PresencePenalty = presence;
        if (parsed.GetValue(_frequency) is { } frequency)
            sampling.FrequencyPenalty = frequency;
        if (parsed.GetValue(_seed) is { } seed)
            sampling.Seed = seed;
        return sampling;
    }

    /// <exception cref="CommandFailedException">One of them is no number; says which.</exception>
    public static IEnumerable<int> ParseNumbers(string option, string what, string text) => text
        .Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Select(number => int.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            ? value
            : throw new CommandFailedException(ExitCodes.Usage, $"{option}: '{number}' is no {what}"));
}
