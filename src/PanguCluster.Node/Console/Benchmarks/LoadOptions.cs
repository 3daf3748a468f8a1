using System.CommandLine;
using PanguCluster.Node.Bench;

namespace PanguCluster.Node.Console;

/// <summary>The options of <c>pangu bench --server</c>: a load test of a running cluster.</summary>
public sealed class LoadOptions
{
    private const int MaxClients = 4096;
    private const int MaxRequests = 10_000_000;
    private const int MaxLength = 1 << 20;

    private readonly Option<string[]> _servers = new("--server")
    {
        Description = "load this running cluster instead of measuring this machine; given several times, the next one is tried when one is down",
        HelpName = "HOST:PORT",
    };
    private readonly Option<int?> _clients = Number("--clients", "with --server: callers at once; default 4");
    private readonly Option<int?> _requests = Number("--requests", "with --server: requests in all; default 32");
    private readonly Option<int?> _maxTokens = Number("--max-tokens", "with --server: tokens of an answer; default 64");
    private readonly Option<int?> _promptTokens = Number("--prompt-tokens", "with --server: tokens of a prompt; default 32");
    private readonly Option<int?> _timeout = Number("--timeout", "with --server: give a request up after so many seconds; default 120");

    private Option[] All => [_servers, _clients, _requests, _maxTokens, _promptTokens, _timeout];

    public void AddTo(Command command)
    {
        foreach (var option in All)
            command.Options.Add(option);
    }

    /// <summary>Null: no server is named, so this machine is measured.</summary>
    /// <exception cref="CommandFailedException">An option is out of range or goes with the other kind of bench.</exception>
    public (LoadPlan Plan, IReadOnlyList<string> Servers)? Read(ParseResult parsed, IEnumerable<Option> others)
    {
        string[] servers = parsed.GetValue(_servers) ?? [];
        if (servers.Length == 0)
        {
            if (All.FirstOrDefault(o => IsGiven(parsed, o)) is { } lonely)
                throw new CommandFailedException(ExitCodes.Usage, $"{lonely.Name} goes with --server");
            return null;
        }
        if (others.FirstOrDefault(o => IsGiven(parsed, o)) is { } other)
            throw new CommandFailedException(ExitCodes.Usage, $"{other.Name} is about this machine; it does not go with --server");
        return (new LoadPlan(
            InRange(parsed, _clients, 4, MaxClients), InRange(parsed, _requests, 32, MaxRequests), InRange(parsed, _maxTokens, 64, MaxLength),
            InRange(parsed, _promptTokens, 32, MaxLength), InRange(parsed, _timeout, 120, 86400)), servers);
    }

    private static bool IsGiven(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    private static Option<int?> Number(string name, string description) => new(name) { Description = description, HelpName = "N" };

    private static int InRange(ParseResult parsed, Option<int?> option, int otherwise, int max) =>
        ModelOptions.InRange(option.Name, parsed.GetValue(option) ?? otherwise, 1, max);
}
