using System.Buffers;
using Google.Protobuf;
using Grpc.Core;

namespace PanguCluster.Node.Services;

/// <summary>Reading of requests that says what is wrong with one it cannot read.</summary>
public static class CheckedMarshaller
{
    /// <summary>A marshaller that reads like <paramref name="inner"/> and explains what it cannot read.</summary>
    public static Marshaller<T> Around<T>(Marshaller<T> inner)
        where T : class =>
        new(inner.ContextualSerializer, context => Read(inner, context));

    private static T Read<T>(Marshaller<T> inner, DeserializationContext context)
        where T : class
    {
        byte[] payload = context.PayloadAsReadOnlySequence().ToArray();
        try
        {
            return inner.ContextualDeserializer(new Payload(payload));
        }
        catch (InvalidProtocolBufferException unreadable)
        {
            string? field = Activator.CreateInstance<T>() is IMessage message ? BadField.FindInvalidUtf8(message.Descriptor, payload) : null;
            throw RequestError.Invalid(field is null
                ? $"message: not a readable {typeof(T).Name}: {unreadable.Message}"
                : $"{field}: not valid UTF-8").ToRpc();
        }
    }

    private sealed class Payload(byte[] bytes) : DeserializationContext
    {
        public override int PayloadLength => bytes.Length;

        public override byte[] PayloadAsNewBuffer() => bytes;

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(bytes);
    }
}
