using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using PanguCluster.Actors.Credentials;
using PanguCluster.Node.Options;
using PanguCluster.Node.Security;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu keys</c>: writes the file of API keys that <c>serve --api-keys</c> reads.</summary>
public static class KeysVerb
{
    public static Command Create() => new("keys", "make, list and revoke API keys; running nodes take over a changed file within seconds")
    {
        New(), List(), Revoke(),
    };

    private static Command New()
    {
        var file = FileArgument();
        var name = new Option<string>("--name") { Description = "whose key it is", HelpName = "NAME", Required = true };
        var role = new Option<string>("--role") { Description = "an operator may look at the cluster and change it", DefaultValueFactory = _ => "client" };
        role.AcceptOnlyFromAmong("client", "operator");
        var sessions = new Option<int?>("--max-sessions") { Description = "most running sessions at once, on each node; default no limit", HelpName = "N" };
        var tokens = new Option<int?>("--tokens-per-minute") { Description = "most tokens of prompts and answers, on each node; default no limit", HelpName = "N" };
        var format = Output.FormatOption("text", "json");
        var command = new Command("new", "make a key and print it: the file keeps only its hash, so it cannot be shown again")
        {
            file, name, role, sessions, tokens, format,
        };
        command.SetAction(parsed =>
        {
            string path = parsed.GetRequiredValue(file);
            string id = KeyText.NewId();
            string key = KeyText.New(id);
            var entry = new ApiKey(
                id, parsed.GetRequiredValue(name), parsed.GetValue(role) == "operator" ? KeyRole.Operator : KeyRole.Client,
                Convert.ToHexStringLower(KeyText.Hash(key)), TimeProvider.System.GetUtcNow(), parsed.GetValue(sessions), parsed.GetValue(tokens));
            if (entry.Problem() is { } problem)
                throw new OptionException("--" + problem.Replace('_', '-'));
            Change(path, keys => [.. keys, entry], mayBeNew: true);
            var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            output.WriteLine(parsed.GetValue(format) == "json" ? JsonSerializer.Serialize(new { id, key }) : key);
            error.WriteLine($"pangu: key {id} is in {path}; what is printed above is not kept anywhere");
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu keys new keys.json --name ci --max-sessions 16 --tokens-per-minute 200000", "pangu keys new keys.json --name ops --role operator");
    }

    private static Command List()
    {
        var file = FileArgument();
        var format = Output.FormatOption("table", "json");
        var command = new Command("list", "the keys of a file: everything but the keys themselves") { file, format };
        command.SetAction(parsed =>
        {
            var keys = Read(parsed.GetRequiredValue(file));
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(format) == "json")
            {
                foreach (var k in keys)
                    output.WriteLine(JsonSerializer.Serialize(new
                    {
                        id = k.Id, name = k.Name, role = Text(k.Role), created = k.Created, revoked = k.Revoked, max_sessions = k.MaxSessions,
                        tokens_per_minute = k.TokensPerMinute,
                    }));
                return ExitCodes.Done;
            }
            var table = Output.Table("id", "name", "role", "created", "sessions", "tokens/min", "state");
            foreach (var k in keys)
                table.Row(
                    k.Id, k.Name, Text(k.Role), k.Created.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), Text(k.MaxSessions), Text(k.TokensPerMinute),
                    k.Revoked is { } revoked ? "revoked " + revoked.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) : "in use");
            Output.Console(output).Write(table);
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu keys list keys.json");
    }

    private static Command Revoke()
    {
        var file = FileArgument();
        var id = new Argument<string>("ID") { Description = "id of the key, which is also the part between its two first underscores" };
        var command = new Command("revoke", "end a key; what runs under it runs to its end") { file, id };
        command.SetAction(parsed =>
        {
            string path = parsed.GetRequiredValue(file);
            string which = parsed.GetRequiredValue(id);
            Change(path, keys => keys.Any(k => k.Id == which && k.Revoked is null)
                ? [.. keys.Select(k => k.Id == which ? k with { Revoked = TimeProvider.System.GetUtcNow() } : k)]
                : throw new CommandFailedException(ExitCodes.Failed, $"{path}: no key '{which}' is in use"), mayBeNew: false);
            parsed.InvocationConfiguration.Error.WriteLine($"pangu: key {which} is revoked");
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu keys revoke keys.json 3f9a01bc");
    }

    /// <summary>Two at once would lose one's change: the second is refused.</summary>
    private static void Change(string path, Func<IReadOnlyList<ApiKey>, IReadOnlyList<ApiKey>> change, bool mayBeNew)
    {
        using var held = new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        KeyFile.Write(path, change(mayBeNew && !File.Exists(path) ? [] : Read(path)));
    }

    private static IReadOnlyList<ApiKey> Read(string path)
    {
        try
        {
            return KeyFile.Read(path);
        }
        catch (CredentialException wrong)
        {
            throw new CommandFailedException(ExitCodes.Failed, wrong.Message, wrong);
        }
    }

    private static Argument<string> FileArgument() => new("FILE") { Description = "the key file" };

    private static string Text(KeyRole role) => role.ToString().ToLowerInvariant();

    private static string Text(int? limit) => limit?.ToString(CultureInfo.InvariantCulture) ?? "-";
}
