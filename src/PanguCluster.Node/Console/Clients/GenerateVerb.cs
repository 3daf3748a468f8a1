using System.CommandLine;
using Grpc.Core;
using Pangu.V1;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu generate</c>: one answer, streamed to stdout.</summary>
public static class GenerateVerb
{
    public static Command Create()
    {
        var options = new GenerateOptions();
        var server = new ServerOptions();
        var format = Output.FormatOption("text", "json");
        var command = new Command("generate", "stream one answer of the model to stdout; errors go to stderr");
        options.AddTo(command);
        server.AddServersTo(command);
        command.Options.Add(format);
        command.SetAction(async (parsed, stop) =>
        {
            var request = await options.ReadAsync(parsed, System.Console.In, stop).ConfigureAwait(false);
            using var client = server.Open(parsed);
            var output = parsed.InvocationConfiguration.Output;
            try
            {
                IAnswerWriter writer = parsed.GetValue(format) == "json"
                    ? new JsonAnswerWriter(output)
                    : new TextAnswerWriter(output, await ShowsIdsAsync(request, client, stop).ConfigureAwait(false), request.HasLogprobs);
                return await PrintAsync(client.GenerateAsync(request, stop), writer).ConfigureAwait(false);
            }
            catch (RpcException failed)
            {
                throw ServerOptions.Explain(failed, client.Servers, stop.IsCancellationRequested);
            }
        });
        return command.WithExamples(
            "pangu generate \"Once upon a time\" --max-tokens 40",
            "pangu generate --chat \"What is 38+47?\" --temperature 0",
            "pangu generate --ids 1,12,375 --logprobs 5 -o json");
    }

    private static async Task<int> PrintAsync(IAsyncEnumerable<GenerateEvent> events, IAnswerWriter writer)
    {
        var reason = Finished.Types.Reason.Unspecified;
        await foreach (var happened in events.ConfigureAwait(false))
        {
            await writer.WriteAsync(happened).ConfigureAwait(false);
            if (happened.EventCase == GenerateEvent.EventOneofCase.Finished)
                reason = happened.Finished.Reason;
        }
        return reason switch
        {
            Finished.Types.Reason.Stop or Finished.Types.Reason.Length => ExitCodes.Done,
            Finished.Types.Reason.Cancelled => throw new CommandFailedException(ExitCodes.Failed, "the answer was cancelled"),
            _ => throw new CommandFailedException(ExitCodes.Failed, "the model failed on this request"),
        };
    }

    /// <summary>An answer without text is shown as ids: only a model without a tokenizer gives one.</summary>
    private static async Task<bool> ShowsIdsAsync(GenerateRequest request, Client.PanguClient client, CancellationToken stop) =>
        request.PromptCase == GenerateRequest.PromptOneofCase.TokenIds
        && !(await client.GetModelAsync(stop).ConfigureAwait(false)).HasTokenizer;
}
