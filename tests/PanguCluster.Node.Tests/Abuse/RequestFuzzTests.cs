using System.Buffers;
using FsCheck;
using FsCheck.Xunit;
using Google.Protobuf;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Node.Services;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Abuse;

/// <summary>Any bytes as any request, without a network between: read and checked, or refused with a status that names the field.</summary>
public class RequestFuzzTests
{
    private static readonly ServedModel Model = TestModel.Create();

    [Property(MaxTest = 10_000)]
    public void Request_should_be_served_or_refused_and_nothing_else_when_its_bytes_are_anything(DoNotSize<int> seed)
    {
        byte[] bytes = WireMutations.Of(seed.Item);
        Try(bytes, GenerateRequest.Parser, request => EngineRules.AssertRuns(GenerateRequestRules.Check(request, Model, "fresh", 7, null)));
        Try(bytes, Pangu.V1.ResumeRequest.Parser, request => AssertResumable(SessionRules.Check(request, "", null)));
        Try(bytes, CancelRequest.Parser, request => Assert.InRange(SessionRules.CheckId(request.SessionId).Length, 1, 64));
        Try(bytes, ListSessionsRequest.Parser, request => Assert.InRange(ListSessionsRules.Check(request).Limit, 1, RequestLimits.Sessions));
        Try(bytes, TokenizeRequest.Parser, request =>
        {
            if (request.PromptCase == TokenizeRequest.PromptOneofCase.Chat)
                PromptRules.FromChat(request.Chat, Model);
            else
                PromptRules.FromText(request.Text, Model);
        });
        Try(bytes, DetokenizeRequest.Parser, request => PromptRules.CheckIds("token_ids", request.TokenIds, Model));
    }

    private static void Try<T>(byte[] bytes, MessageParser<T> parser, Action<T> check)
        where T : class, IMessage<T>
    {
        var marshaller = CheckedMarshaller.Around(Marshallers.Create<T>(
            (_, _) => throw new NotSupportedException(), context => parser.ParseFrom(context.PayloadAsReadOnlySequence())));
        try
        {
            check(marshaller.ContextualDeserializer(new Payload(bytes)));
        }
        catch (RpcException unreadable) when (unreadable.StatusCode == StatusCode.InvalidArgument)
        {
            Assert.Contains(": ", unreadable.Status.Detail, StringComparison.Ordinal);
        }
        catch (RequestError refused)
        {
            Assert.Equal(StatusCode.InvalidArgument, refused.Code);
            Assert.Contains(": ", refused.Message, StringComparison.Ordinal);
            Assert.InRange(refused.Message.Length, 1, 400);
        }
        catch (Exception other)
        {
            Assert.Fail($"{typeof(T).Name} {WireMutations.Show(bytes)}: {other}");
        }
    }

    private static void AssertResumable(Actors.Streams.ResumeRequest request)
    {
        Assert.True(SessionRules.IsId(request.SessionId));
        Assert.InRange(request.NextIndices.Count, 1, RequestLimits.Choices);
        Assert.All(request.NextIndices, next => Assert.InRange(next, 0, int.MaxValue));
    }

    private sealed class Payload(byte[] bytes) : DeserializationContext
    {
        public override int PayloadLength => bytes.Length;

        public override byte[] PayloadAsNewBuffer() => bytes;

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(bytes);
    }
}
