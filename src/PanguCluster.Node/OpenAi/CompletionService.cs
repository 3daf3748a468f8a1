using System.Text.Json;
using PanguCluster.Actors.Streams;
using PanguCluster.Node.Security;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>Serves both kinds of completion: reads the request, starts or resumes its streams, writes the answer in one piece or as events.</summary>
public sealed partial class CompletionService(
    ServedModel model, IGenerationGateway gateway, StreamGrace grace, TimeProvider time, ILogger<CompletionService> log)
{
    public const string SessionHeader = "x-session-id";

    /// <summary>Reads the body of one kind of completion.</summary>
    public delegate ApiRequest RequestReader(JsonElement body, ServedModel model);

    /// <summary>Writes the answers of one kind of completion.</summary>
    public delegate AnswerWriter WriterMaker(AnswerHead head, TokenTexts texts, bool? logprobs);

    public async Task ServeAsync(HttpContext http, RequestReader read, WriterMaker makeWriter)
    {
        try
        {
            var (plan, requests) = await PlanAsync(http, read).ConfigureAwait(false);
            var writer = makeWriter(
                new AnswerHead(plan.Session, time.GetUtcNow().ToUnixTimeSeconds(), model), new TokenTexts(model.Codec), plan.Request.Logprobs);
            plan = plan with { ReplaysFromStart = plan.Next is not null && writer.TellsOffsets };
            http.Response.Headers[SessionHeader] = plan.Session;
            await AnswerAsync(http, plan, requests, writer).ConfigureAwait(false);
        }
        catch (ApiException refused) when (!http.Response.HasStarted)
        {
            await ApiJson.WriteAsync(http, refused.Error).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to be told.
        }
        catch (Exception bug) when (!http.Response.HasStarted)
        {
            Failed(bug);
            await ApiJson.WriteAsync(http, ApiError.Internal).ConfigureAwait(false);
        }
    }

    private async Task<(AnswerPlan Plan, IReadOnlyList<GenerationRequest> Requests)> PlanAsync(HttpContext http, RequestReader read)
    {
        var headers = http.Request.Headers;
        LastEvent? last = headers[RequestFields.LastEventId].ToString() is { Length: > 0 } id ? LastEvent.Parse(id) : null;
        string? named = headers[RequestFields.IdempotencyKey].ToString() is { Length: > 0 } key ? key : null;
        using var body = await ApiJson.ReadAsync(http).ConfigureAwait(false);
        if (last is not null)
            return (Resumption.Plan(body.RootElement, last, read, model), []);
        var request = read(body.RootElement, model);
        string fresh = Fresh.Session();
        var requests = request.Check(model, named, fresh, Fresh.Seed(), http.Caller().KeyId);
        return (new AnswerPlan(request, named ?? fresh, requests.Count, request.Choices, null), requests);
    }

    private async Task AnswerAsync(HttpContext http, AnswerPlan plan, IReadOnlyList<GenerationRequest> requests, AnswerWriter writer)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, grace.Over);
        IStreamCall[] calls = plan.Next is null
            ? [.. requests.Select(gateway.Start)]
            : [.. Enumerable.Range(0, plan.Prompts).Select(p => gateway.Resume(plan.Resume(p, http.Caller().KeyId)))];
        try
        {
            using var feed = await AnswerFeed.OpenAsync(calls, ends.Token).ConfigureAwait(false);
            if (plan.Request.Stream)
                await StreamAsync(http, plan, writer, feed, ends.Token).ConfigureAwait(false);
            else
                await SendWholeAsync(http, plan, writer, feed, ends.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (grace.Over.IsCancellationRequested && !http.RequestAborted.IsCancellationRequested)
        {
            throw new ApiException(ApiError.Stopping);
        }
        catch (Exception) when (!CallerMayComeBack(plan, requests, http))
        {
            foreach (var call in calls)
                call.Cancel();
            throw;
        }
        finally
        {
            foreach (var call in calls)
                call.Dispose();
        }
    }

    /// <summary>A caller who knows the session may go on with it: by the ids of its events, or by the key that it chose.</summary>
    private static bool CallerMayComeBack(AnswerPlan plan, IReadOnlyList<GenerationRequest> requests, HttpContext http) =>
        plan.Next is not null || requests.Any(r => r.NamedByCaller || r.Detached) || http.Response.HasStarted;

    private static async Task SendWholeAsync(HttpContext http, AnswerPlan plan, AnswerWriter writer, AnswerFeed feed, CancellationToken ends)
    {
        var answer = new WholeAnswer(plan);
        await foreach (var arrival in feed.Arrivals.ReadAllAsync(ends).ConfigureAwait(false))
            answer.Take(arrival);
        if (!answer.Complete)
            throw new ApiException(ApiError.Cancelled);
        await ApiJson.WriteAsync(http, StatusCodes.Status200OK, json =>
            writer.WriteWhole(json, answer.Choices, new TokenUsage(feed.PromptTokens, answer.CompletionTokens))).ConfigureAwait(false);
    }

    private async Task StreamAsync(HttpContext http, AnswerPlan plan, AnswerWriter writer, AnswerFeed feed, CancellationToken ends)
    {
        var response = http.Response;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        // Proxies that buffer would hold the events back.
        response.Headers["X-Accel-Buffering"] = "no";
        using var answer = new StreamedAnswer(plan, writer, response.BodyWriter);
        var sender = new EventSender(response.BodyWriter, answer, feed, time);
        try
        {
            await sender.RunAsync(ends).ConfigureAwait(false);
        }
        catch (ApiException failed)
        {
            answer.Fail(failed.Error);
        }
        catch (OperationCanceledException) when (grace.Over.IsCancellationRequested && !http.RequestAborted.IsCancellationRequested)
        {
            answer.Fail(ApiError.Stopping);
        }
        catch (Exception bug) when (bug is not OperationCanceledException)
        {
            Failed(bug);
            answer.Fail(ApiError.Internal);
        }
        await response.BodyWriter.FlushAsync(http.RequestAborted).ConfigureAwait(false);
    }

    [LoggerMessage(LogLevel.Error, "a completion failed")]
    private partial void Failed(Exception bug);
}
