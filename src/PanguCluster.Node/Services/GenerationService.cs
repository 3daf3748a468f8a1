using Grpc.Core;
using Pangu.V1;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Node.Security;

namespace PanguCluster.Node.Services;

/// <summary><c>pangu.v1.Generation</c>: checks requests, starts and resumes streams.</summary>
public sealed class GenerationService(ServedModel model, IGenerationGateway gateway, StreamGrace grace, TimeProvider time) : Generation.GenerationBase
{
    public override async Task Generate(
        GenerateRequest request, IServerStreamWriter<GenerateEvent> responseStream, ServerCallContext context)
    {
        var generation = Checked(() => GenerateRequestRules.Check(request, model, Fresh.Session(), Fresh.Seed(), Deadline(context)));
        using var call = gateway.Start(generation with { Owner = Owner(context) });
        await EventPump.RunAsync(call, responseStream, context, grace.Over, time).ConfigureAwait(false);
    }

    public override async Task Resume(
        Pangu.V1.ResumeRequest request, IServerStreamWriter<GenerateEvent> responseStream, ServerCallContext context)
    {
        using var call = gateway.Resume(Checked(() => SessionRules.Check(request, Owner(context), Deadline(context))));
        await EventPump.RunAsync(call, responseStream, context, grace.Over, time).ConfigureAwait(false);
    }

    public override async Task<CancelResponse> Cancel(CancelRequest request, ServerCallContext context)
    {
        string session = Checked(() => SessionRules.CheckId(request.SessionId));
        try
        {
            return await gateway.CancelAsync(session, Owner(context), context.CancellationToken).ConfigureAwait(false)
                ? new CancelResponse()
                : throw new RpcException(new Status(StatusCode.NotFound, "no such session"));
        }
        catch (SessionsUnavailableException unavailable)
        {
            throw FailureStatus.ToRpc(new StreamEvent.Failed(FailureKind.Unavailable, unavailable.Message));
        }
    }

    public override Task<TokenizeResponse> Tokenize(TokenizeRequest request, ServerCallContext context)
    {
        int[] ids = Checked(() => request.PromptCase switch
        {
            TokenizeRequest.PromptOneofCase.Text => PromptRules.FromText(request.Text, model),
            TokenizeRequest.PromptOneofCase.Chat => PromptRules.FromChat(request.Chat, model),
            _ => throw RequestError.Invalid("prompt: missing; give one of text, chat"),
        });
        return Task.FromResult(new TokenizeResponse { TokenIds = { ids } });
    }

    public override Task<DetokenizeResponse> Detokenize(DetokenizeRequest request, ServerCallContext context)
    {
        string text = Checked(() =>
        {
            var codec = PromptRules.NeedCodec("token_ids", model);
            if (request.TokenIds.Count > RequestLimits.DetokenizeIds)
                throw RequestError.Invalid($"token_ids: {request.TokenIds.Count} ids; the limit is {RequestLimits.DetokenizeIds}");
            PromptRules.CheckIds("token_ids", request.TokenIds, model);
            return codec.Decode(request.TokenIds);
        });
        return Task.FromResult(new DetokenizeResponse { Text = text });
    }

    public override Task<GetModelResponse> GetModel(GetModelRequest request, ServerCallContext context)
    {
        var manifest = model.Manifest;
        var shape = manifest.Shape;
        return Task.FromResult(new GetModelResponse
        {
            Name = manifest.Name,
            Digest = manifest.Digest,
            Format = manifest.Format.ToString().ToLowerInvariant(),
            NumericsVersion = manifest.NumericsVersion,
            VocabSize = shape.VocabSize,
            ContextLength = model.ContextLength,
            DefaultMaxTokens = model.DefaultMaxTokens,
            HasTokenizer = model.Codec is not null,
            BosTokenId = manifest.BosTokenId,
            EosTokenIds = { manifest.EosTokenIds },
            Layers = shape.Layers,
            HiddenSize = shape.HiddenSize,
            Experts = shape.Experts,
            ExpertsPerToken = shape.ExpertsPerToken,
            Groups = shape.Groups,
        });
    }

    private static T Checked<T>(Func<T> check)
    {
        try
        {
            return check();
        }
        catch (RequestError refused)
        {
            throw refused.ToRpc();
        }
    }

    private static string Owner(ServerCallContext context) => context.GetHttpContext().Caller().KeyId;

    private static DateTimeOffset? Deadline(ServerCallContext context) =>
        context.Deadline == DateTime.MaxValue ? null : new DateTimeOffset(DateTime.SpecifyKind(context.Deadline, DateTimeKind.Utc));
}
