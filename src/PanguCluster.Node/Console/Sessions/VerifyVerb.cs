using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu verify</c>: has a recorded session computed again, and compares.</summary>
public static class VerifyVerb
{
    /// <summary>Stands where the answer ended and the record goes on.</summary>
    private const int NoToken = -1;

    public static Command Create()
    {
        var session = new Argument<string>("SESSION") { Description = "id of a session, or its unambiguous beginning" };
        var server = new ServerOptions();
        var format = Output.FormatOption("text", "json");
        var command = new Command("verify", "compute a recorded session again and compare every token; ends with 1 at the first difference") { session, format };
        server.AddServersTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            using var client = server.Open(parsed);
            try
            {
                string id = (await SessionNames.FindAsync(client, parsed.GetRequiredValue(session), stop).ConfigureAwait(false)).SessionId;
                long begun = TimeProvider.System.GetTimestamp();
                // The display's own loop is synchronous.
                var last = await Task.Run(
                    () => ProgressDisplay.Run(
                        parsed.InvocationConfiguration.Error, "verifying", report => FollowAsync(client, id, report, stop).GetAwaiter().GetResult(), bytes: false),
                    CancellationToken.None).ConfigureAwait(false);
                return Print(parsed.InvocationConfiguration.Output, parsed.GetValue(format) == "json", last, TimeProvider.System.GetElapsedTime(begun));
            }
            catch (RpcException failed)
            {
                throw ServerOptions.Explain(failed, client.Servers, stop.IsCancellationRequested);
            }
        });
        return command.WithExamples("pangu verify 3fa8", "pangu verify my-request --server 127.0.0.1:7440 -o json");
    }

    private static async Task<VerifyProgress> FollowAsync(PanguClient client, string id, Action<long, long, string> report, CancellationToken stop)
    {
        VerifyProgress? last = null;
        await foreach (var progress in client.VerifySessionAsync(id, stop).ConfigureAwait(false))
        {
            last = progress;
            report(progress.CheckedTokens, progress.TotalTokens, "tokens");
        }
        return last is { Outcome: VerifyProgress.Types.Outcome.Identical or VerifyProgress.Types.Outcome.Different }
            ? last
            : throw new CommandFailedException(ExitCodes.Failed, $"the verification of session {id} broke off; run it again");
    }

    private static int Print(TextWriter output, bool json, VerifyProgress last, TimeSpan took)
    {
        if (json)
            output.WriteLine(Output.Json(last));
        if (last.Outcome == VerifyProgress.Types.Outcome.Different)
            throw new CommandFailedException(ExitCodes.Failed, Difference(last));
        if (!json)
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"identical: session {last.SessionId}, {last.CheckedTokens} tokens computed again in {took.TotalSeconds:0.0} s ({last.CheckedTokens / took.TotalSeconds:0} tokens/s)"));
        return ExitCodes.Done;
    }

    /// <summary>The first difference in one line.</summary>
    public static string Difference(VerifyProgress last)
    {
        string computed = last.ComputedTokenId == NoToken ? "the computed answer ends there" : string.Create(
            CultureInfo.InvariantCulture, $"computed token {last.ComputedTokenId}");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"different: session {last.SessionId}, choice {last.Choice}, index {last.Index}: recorded token {last.RecordedTokenId}, {computed} ({last.CheckedTokens} of {last.TotalTokens} tokens before it are identical)");
    }
}
