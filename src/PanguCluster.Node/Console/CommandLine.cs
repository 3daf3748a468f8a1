using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;
using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Console;

/// <summary>The whole command line: the verbs, and how their ends become exit codes and one line on stderr.</summary>
public static class CommandLine
{
    public static RootCommand Create()
    {
        var root = new RootCommand("pangu: an elastic cluster that serves Mixture-of-Grouped-Experts language models.");
        foreach (var verb in Verbs())
            root.Subcommands.Add(verb);
        return root;
    }

    private static IEnumerable<Command> Verbs() =>
    [
        UpVerb.Create(),
        ServeVerb.Create(),
        GenerateVerb.Create(),
        .. ClusterVerbs.Create(),
        TopVerb.Create(),
        EventsVerb.Create(),
        .. CordonVerbs.Create(),
        .. OperationVerbs.Create(),
        SessionsVerb.Create(),
        VerifyVerb.Create(),
        CancelVerb.Create(),
        KeysVerb.Create(),
        CertsVerb.Create(),
        PackVerb.Create(),
        RandomVerb.Create(),
        InspectVerb.Create(),
        PerplexityVerb.Create(),
        BenchVerb.Create(),
    ];

    /// <summary>Runs one command line. Ctrl-C and SIGTERM cancel the verb, which ends in its own orderly way.</summary>
    public static async Task<int> RunAsync(string[] args, TextWriter? output = null, TextWriter? error = null)
    {
        output ??= System.Console.Out;
        error ??= System.Console.Error;
        // "@" is a fair start of a prompt, not the name of a file with more arguments.
        var parsed = Create().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is null or ParseErrorAction)
        {
            await error.WriteLineAsync($"pangu: {Mistake(parsed)} See: {HelpFor(parsed)}").ConfigureAwait(false);
            return ExitCodes.Usage;
        }
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        var invocation = new InvocationConfiguration
        {
            Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null,
        };
        try
        {
            return await parsed.InvokeAsync(invocation, stop.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (Explain(failure, stop.IsCancellationRequested) is { } end)
        {
            await error.WriteLineAsync("pangu: " + end.Message).ConfigureAwait(false);
            return end.ExitCode;
        }

        void OnSignal(PosixSignalContext signal)
        {
            // The first signal asks the verb to end; the second takes the default way out.
            signal.Cancel = !stop.IsCancellationRequested;
            try
            {
                stop.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The verb has ended meanwhile.
            }
        }
    }

    /// <summary>The most telling of the parser's complaints, on one line: a word it does not know explains the others.</summary>
    private static string Mistake(ParseResult parsed)
    {
        if (parsed.UnmatchedTokens.Count > 0)
            return $"'{parsed.UnmatchedTokens[0]}' is not known here.";
        var wrong = parsed.Errors[0];
        if (wrong.SymbolResult is ArgumentResult { Argument: { ValueType: { } type } argument } given && type.IsPrimitive && given.Tokens.Count > 0)
            return $"{(given.Parent as OptionResult)?.Option.Name ?? argument.Name} {given.Tokens[0].Value}: expected a {(type == typeof(double) || type == typeof(float) ? "" : "whole ")}number.";
        if (wrong.SymbolResult is ArgumentResult { Parent: CommandResult, Tokens.Count: 0 } missing)
            return $"{missing.Argument.Name} is missing.";
        return wrong.Message.ReplaceLineEndings(" ");
    }

    private static string HelpFor(ParseResult parsed)
    {
        string words = "--help";
        for (var at = parsed.CommandResult; at is { Command: not RootCommand }; at = at.Parent as CommandResult)
            words = at.Command.Name + " " + words;
        return "pangu " + words;
    }

    /// <summary>The line and exit code of a failure that is no bug; null for one that is.</summary>
    private static CommandFailedException? Explain(Exception failure, bool stopping) => failure switch
    {
        CommandFailedException known => known,
        Options.OptionException option => new CommandFailedException(ExitCodes.Usage, option.Message),
        ModelFormatException model => new CommandFailedException(ExitCodes.Failed, model.Message),
        OperationCanceledException when stopping => new CommandFailedException(ExitCodes.Failed, "cancelled"),
        IOException io => new CommandFailedException(ExitCodes.Failed, io.Message),
        UnauthorizedAccessException denied => new CommandFailedException(ExitCodes.Failed, denied.Message),
        _ => null,
    };
}
