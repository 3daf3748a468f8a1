using System.Buffers.Binary;
using System.Security.Cryptography;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Actors.Streams;
using PanguCluster.Node.Security;

namespace PanguCluster.Node.Services;

/// <summary><c>pangu.v1.Generation</c>: checks the request, starts the stream, writes its events.</summary>
public sealed class GenerationService(ServedModel model, IGenerationGateway gateway, StreamGrace grace) : Generation.GenerationBase
{
    public override async Task Generate(
        GenerateRequest request, IServerStreamWriter<GenerateEvent> responseStream, ServerCallContext context)
    {
        var checkedRequest = Checked(() => GenerateRequestRules.Check(request, model, FreshSession(), FreshSeed(), Deadline(context)));
        // The sequence ends when the caller leaves, its deadline passes, this call ends in any way, or the node stops.
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, grace.Over);
        using var call = gateway.Start(checkedRequest with { Owner = context.GetHttpContext().Caller().KeyId });
        try
        {
            await foreach (var happened in call.Events.ReadAllAsync(ends.Token).ConfigureAwait(false))
            {
                if (happened is StreamEvent.Failed failed)
                    throw FailureStatus.ToRpc(failed);
                await responseStream.WriteAsync(EventWriting.ToWire(happened)!, ends.Token).ConfigureAwait(false);
            }
        }
        catch (Exception gone) when (gone is not RpcException && ends.IsCancellationRequested)
        {
            throw new RpcException(grace.Over.IsCancellationRequested && !context.CancellationToken.IsCancellationRequested
                ? new Status(StatusCode.Unavailable, "the node is stopping; send the request to another one")
                : new Status(StatusCode.Cancelled, "the caller left"));
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

    private static DateTimeOffset? Deadline(ServerCallContext context) =>
        context.Deadline == DateTime.MaxValue ? null : new DateTimeOffset(DateTime.SpecifyKind(context.Deadline, DateTimeKind.Utc));

    private static string FreshSession() => Guid.NewGuid().ToString("N");

    private static ulong FreshSeed()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }
}
