using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Grpc.Core;
using PanguCluster.Node.Security;

namespace PanguCluster.Node.Services;

/// <summary>
/// Looks at the five bytes before a call's first message. The framework answers a flag or a length that it does not know with UNKNOWN
/// "Exception was thrown by handler", and writes an error to the log: both say that the fault is the server's.
/// </summary>
internal sealed class FrameCheck(RequestDelegate next)
{
    private const int HeadBytes = 5;
    private const byte HighestFlag = 1; // compressed

    public async Task InvokeAsync(HttpContext context)
    {
        if (context.Request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true
            && await ProblemAsync(context.Request.BodyReader, context.RequestAborted).ConfigureAwait(false) is { } problem)
            await problem.WriteAsync(context).ConfigureAwait(false);
        else
            await next(context).ConfigureAwait(false);
    }

    private static async ValueTask<Denial?> ProblemAsync(PipeReader body, CancellationToken aborted)
    {
        ReadResult read;
        try
        {
            read = await body.ReadAtLeastAsync(HeadBytes, aborted).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException)
        {
            return null; // the framework knows what to do without a body
        }
        var head = read.Buffer;
        Span<byte> bytes = stackalloc byte[HeadBytes];
        bool whole = head.Length >= HeadBytes;
        if (whole)
            head.Slice(0, HeadBytes).CopyTo(bytes);
        body.AdvanceTo(head.Start);
        if (whole && bytes[0] > HighestFlag)
            return Refusal(StatusCode.InvalidArgument, $"message: flag {bytes[0]} before its length; give 0, or 1 for a compressed one");
        uint length = BinaryPrimitives.ReadUInt32BigEndian(bytes[1..]);
        return length > int.MaxValue
            ? Refusal(StatusCode.ResourceExhausted, $"message: {length} bytes; the limit is {RequestLimits.MessageBytes}")
            : null;
    }

    private static Denial Refusal(StatusCode status, string message) =>
        new(status, StatusCodes.Status400BadRequest, "invalid_request_error", "bad_frame", message);
}
