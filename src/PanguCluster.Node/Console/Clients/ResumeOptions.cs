using System.CommandLine;
using Pangu.V1;

namespace PanguCluster.Node.Console;

/// <summary>The options of <c>pangu generate</c> that go on with a recorded session instead of sending a request.</summary>
public sealed class ResumeOptions
{
    private readonly Option<string?> _resume = new("--resume")
    {
        Description = "go on with a session, at any node: running, interrupted or ended; an operator may shorten the id", HelpName = "SESSION",
    };

    private readonly Option<string?> _from = new("--from")
    {
        Description = "with --resume: first token wanted, 0-based, of every choice or choice by choice; default 0", HelpName = "INDEX[,INDEX...]",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_resume);
        command.Options.Add(_from);
    }

    /// <returns>Null: no session is named.</returns>
    /// <param name="others">What belongs to a new request, and cannot be given with a session.</param>
    /// <exception cref="CommandFailedException">The options contradict each other.</exception>
    public ResumeRequest? Read(ParseResult parsed, IEnumerable<Symbol> others)
    {
        string? session = parsed.GetValue(_resume);
        string? from = parsed.GetValue(_from);
        if (session is null && from is not null)
            throw new CommandFailedException(ExitCodes.Usage, "--from goes with --resume SESSION");
        if (session is null)
            return null;
        if (others.FirstOrDefault(o => IsGiven(parsed, o)) is { } other)
            throw new CommandFailedException(ExitCodes.Usage, $"--resume goes on with a request as it was recorded: leave {other.Name} out");
        var request = new ResumeRequest { SessionId = session };
        int[] indices = [.. GenerateOptions.ParseNumbers("--from", "index", from ?? "0")];
        if (indices.Length == 0 || indices.Min() < 0)
            throw new CommandFailedException(ExitCodes.Usage, $"--from {from}: expected indices of 0 or more");
        if (indices.Length == 1)
            request.NextIndex = indices[0];
        else
            request.NextIndices.AddRange(indices);
        return request;
    }

    private static bool IsGiven(ParseResult parsed, Symbol symbol) => symbol switch
    {
        Option option => parsed.GetResult(option) is { Implicit: false },
        Argument argument => parsed.GetResult(argument) is { Tokens.Count: > 0 },
        _ => false,
    };
}
