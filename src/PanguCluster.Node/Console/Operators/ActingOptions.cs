using System.CommandLine;
using System.Globalization;
using Pangu.V1;
using PanguCluster.Client;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary>The options of the verbs that begin an operation.</summary>
public sealed class ActingOptions
{
    private static readonly TimeSpan Question = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private readonly Option<bool> _yes = new("--yes", "-y") { Description = "do not ask" };
    private readonly Option<bool> _wait = new("--wait") { Description = "follow the operation to its end (the default)" };
    private readonly Option<bool> _noWait = new("--no-wait") { Description = "return as soon as the operation has begun" };
    private readonly Option<string> _timeout;
    private readonly Option<string> _format = Output.FormatOption("table", "json");

    public ActingOptions(string timeout, string meaning) =>
        _timeout = new Option<string>("--timeout") { Description = meaning, DefaultValueFactory = _ => timeout, HelpName = "TIME" };

    public ServerOptions Server { get; } = new();

    public void AddTo(Command command)
    {
        Server.AddServersTo(command);
        foreach (Option option in (Option[])[_yes, _wait, _noWait, _timeout, _format])
            command.Options.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_wait) && result.GetValue(_noWait))
                result.AddError("--wait and --no-wait: give one of them.");
        });
    }

    public bool Yes(ParseResult parsed) => parsed.GetValue(_yes);

    public bool Waits(ParseResult parsed) => !parsed.GetValue(_noWait);

    public bool Json(ParseResult parsed) => parsed.GetValue(_format) == "json";

    /// <exception cref="OptionException">It is no time, or out of range.</exception>
    public TimeSpan Limit(ParseResult parsed) => Duration.InRange("--timeout", parsed.GetValue(_timeout)!, TimeSpan.FromSeconds(1), LongestWait);

    /// <summary>Where to talk to a person: not between the lines of JSON.</summary>
    public TextWriter Talk(ParseResult parsed) =>
        Json(parsed) ? parsed.InvocationConfiguration.Error : parsed.InvocationConfiguration.Output;

    /// <exception cref="CommandFailedException">The cluster does not answer.</exception>
    public Task<ClusterState> ClusterAsync(ParseResult parsed, CancellationToken stop) =>
        Server.AskAsync(parsed, (client, late) => client.GetClusterAsync(late), Question, stop);

    public Task<T> AskAsync<T>(ParseResult parsed, Func<PanguClient, CancellationToken, Task<T>> question, CancellationToken stop) =>
        Server.AskAsync(parsed, question, Question, stop);

    public static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
