using System.CommandLine;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Client;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu generate</c>: a new answer, or what is left of a recorded one, streamed to stdout.</summary>
public static class GenerateVerb
{
    /// <summary>How long Ctrl-C waits for the cluster to confirm that the session is cancelled.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(5);

    public static Command Create()
    {
        var options = new GenerateOptions();
        var resume = new ResumeOptions();
        var server = new ServerOptions();
        var format = Output.FormatOption("text", "json");
        var command = new Command(
            "generate", "stream an answer of the model to stdout; errors go to stderr. Ctrl-C cancels a new request and leaves a resumed one; a second Ctrl-C ends at once");
        options.AddTo(command);
        resume.AddTo(command);
        server.AddServersTo(command);
        command.Options.Add(format);
        command.SetAction(async (parsed, stop) =>
        {
            var session = resume.Read(parsed, options.All);
            var request = session is null ? await options.ReadAsync(parsed, System.Console.In, stop).ConfigureAwait(false) : null;
            using var client = server.Open(parsed);
            var output = parsed.InvocationConfiguration.Output;
            try
            {
                bool json = parsed.GetValue(format) == "json";
                IAnswerWriter writer = json ? new JsonAnswerWriter(output)
                    : new TextAnswerWriter(output, await ShowsIdsAsync(request, client, stop).ConfigureAwait(false), request?.N ?? 0);
                return request is null ? await ResumeAsync(session!, client, writer, stop).ConfigureAwait(false)
                    : request.Detached ? await LeaveAsync(request, client, json ? writer : new SessionIdWriter(output), stop).ConfigureAwait(false)
                    : await GenerateAsync(request, client, writer, stop).ConfigureAwait(false);
            }
            catch (RpcException failed)
            {
                throw ServerOptions.Explain(failed, client.Servers, stop.IsCancellationRequested);
            }
        });
        return command.WithExamples(
            "pangu generate \"Once upon a time\" --max-tokens 40",
            "pangu generate --chat \"What is 38+47?\" --temperature 0",
            "pangu generate --ids 1,12,375 --logprobs 5 -o json",
            "pangu generate \"Once upon a time\" --n 3 --detached     (prints the session's id)",
            "pangu generate --resume 3fa8 --from 20");
    }

    private static async Task<int> GenerateAsync(GenerateRequest request, PanguClient client, IAnswerWriter writer, CancellationToken stop)
    {
        // A name of our own: Ctrl-C can cancel by it before the server has answered.
        if (request.SessionId.Length == 0)
            request.SessionId = Guid.NewGuid().ToString("N");
        try
        {
            return await PrintAsync(client.GenerateAsync(request, stop), writer).ConfigureAwait(false);
        }
        catch (Exception left) when (stop.IsCancellationRequested && left is (RpcException or OperationCanceledException))
        {
            throw new CommandFailedException(ExitCodes.Failed, await CancelAsync(request.SessionId, client).ConfigureAwait(false));
        }
    }

    /// <returns>What has become of the session, for the last line.</returns>
    private static async Task<string> CancelAsync(string session, PanguClient client)
    {
        using var late = new CancellationTokenSource(Farewell);
        try
        {
            await client.CancelAsync(session, late.Token).ConfigureAwait(false);
            return $"cancelled session {session}";
        }
        catch (RpcException unknown) when (unknown.StatusCode == StatusCode.NotFound)
        {
            return "cancelled";
        }
        catch (Exception silent) when (silent is RpcException or OperationCanceledException)
        {
            return $"left session {session}, which may still run: 'pangu cancel {session}' ends it";
        }
    }

    /// <summary>Goes as soon as the session is recorded; it runs to its end without us.</summary>
    private static async Task<int> LeaveAsync(GenerateRequest request, PanguClient client, IAnswerWriter writer, CancellationToken stop)
    {
        await foreach (var happened in client.GenerateAsync(request, stop).ConfigureAwait(false))
            if (happened.EventCase == GenerateEvent.EventOneofCase.Accepted)
            {
                await writer.WriteAsync(happened).ConfigureAwait(false);
                return ExitCodes.Done;
            }
        throw new CommandFailedException(ExitCodes.Failed, "the server ended the stream without accepting the request");
    }

    private static async Task<int> ResumeAsync(ResumeRequest session, PanguClient client, IAnswerWriter writer, CancellationToken stop)
    {
        try
        {
            try
            {
                return await PrintAsync(client.ResumeAsync(session.SessionId, Indices(session), stop), writer).ConfigureAwait(false);
            }
            catch (RpcException unknown) when (unknown.StatusCode == StatusCode.NotFound)
            {
                session.SessionId = await CompleteAsync(session.SessionId, client, unknown, stop).ConfigureAwait(false);
                return await PrintAsync(client.ResumeAsync(session.SessionId, Indices(session), stop), writer).ConfigureAwait(false);
            }
        }
        catch (Exception left) when (stop.IsCancellationRequested && left is (RpcException or OperationCanceledException))
        {
            throw new CommandFailedException(
                ExitCodes.Failed, $"left session {session.SessionId}: --resume {session.SessionId} goes on with it, 'pangu cancel {session.SessionId}' ends it");
        }
    }

    private static IReadOnlyList<int> Indices(ResumeRequest session) => session.NextIndices.Count > 0 ? session.NextIndices : [session.NextIndex];

    /// <summary>The id that begins as given. Only operators may look for it; others hear what they would have heard.</summary>
    private static async Task<string> CompleteAsync(string name, PanguClient client, RpcException unknown, CancellationToken stop)
    {
        try
        {
            var session = await SessionNames.FindAsync(client, name, stop).ConfigureAwait(false);
            return session.SessionId != name ? session.SessionId : throw unknown;
        }
        catch (RpcException denied) when (denied.StatusCode == StatusCode.PermissionDenied)
        {
            throw unknown;
        }
    }

    private static async Task<int> PrintAsync(IAsyncEnumerable<GenerateEvent> events, IAnswerWriter writer)
    {
        var worst = Finished.Types.Reason.Unspecified;
        await foreach (var happened in events.ConfigureAwait(false))
        {
            await writer.WriteAsync(happened).ConfigureAwait(false);
            // Reasons are numbered from good to bad.
            if (happened.EventCase == GenerateEvent.EventOneofCase.Finished && happened.Finished.Reason > worst)
                worst = happened.Finished.Reason;
        }
        return worst switch
        {
            Finished.Types.Reason.Stop or Finished.Types.Reason.Length => ExitCodes.Done,
            Finished.Types.Reason.Cancelled => throw new CommandFailedException(ExitCodes.Failed, "the answer was cancelled"),
            _ => throw new CommandFailedException(ExitCodes.Failed, "the model failed on this request"),
        };
    }

    /// <summary>An answer without text is shown as ids: only a model without a tokenizer gives one.</summary>
    private static async Task<bool> ShowsIdsAsync(GenerateRequest? request, PanguClient client, CancellationToken stop) =>
        request is null or { PromptCase: GenerateRequest.PromptOneofCase.TokenIds }
        && !(await client.GetModelAsync(stop).ConfigureAwait(false)).HasTokenizer;
}
