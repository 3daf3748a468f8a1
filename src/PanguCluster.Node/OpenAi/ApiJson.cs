using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>JSON of requests and responses.</summary>
public static class ApiJson
{
    private const int Depth = 32;

    /// <summary>Letters as they are: responses are no HTML.</summary>
    public static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>The body, a JSON object of at most <see cref="RequestLimits.MessageBytes"/>.</summary>
    /// <exception cref="ApiException">It is none, or too large, or too slow.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpContext http)
    {
        // Anything else a web page could send from a visitor's browser to a server on loopback without asking.
        if (!http.Request.HasJsonContentType())
            throw new ApiException(ApiError.Body(
                StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "body: send JSON, with the header 'Content-Type: application/json'"));
        byte[] body = await ReadBytesAsync(http).ConfigureAwait(false);
        try
        {
            var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = Depth });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;
            document.Dispose();
        }
        catch (JsonException broken)
        {
            throw new ApiException(ApiError.Body(StatusCodes.Status400BadRequest, "invalid_json", FormattableString.Invariant(
                $"body: not JSON of at most {Depth} levels, from line {broken.LineNumber + 1}, byte {broken.BytePositionInLine + 1} on")));
        }
        throw new ApiException(ApiError.Body(StatusCodes.Status400BadRequest, "invalid_json", "body: expected a JSON object"));
    }

    public static async Task WriteAsync(HttpContext http, int status, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Writing))
            write(json);
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = buffer.WrittenCount;
        await http.Response.Body.WriteAsync(buffer.WrittenMemory, http.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>The error object, and when to try again in the headers that the clients look at.</summary>
    public static Task WriteAsync(HttpContext http, ApiError error)
    {
        var headers = http.Response.Headers;
        if (error.RetryAfter is { } wait)
        {
            headers.RetryAfter = FormattableString.Invariant($"{Math.Ceiling(wait.TotalSeconds)}");
            headers[FailureStatus.RetryAfterTrailer] = FormattableString.Invariant($"{Math.Ceiling(wait.TotalMilliseconds)}");
        }
        if (!error.MayRepeat)
            headers["x-should-retry"] = "false";
        if (error.Status == StatusCodes.Status413PayloadTooLarge)
            headers.Connection = "close";
        return WriteAsync(http, error.Status, error.WriteTo);
    }

    private static async Task<byte[]> ReadBytesAsync(HttpContext http)
    {
        if (http.Request.ContentLength > RequestLimits.MessageBytes)
            throw TooLarge();
        var body = new MemoryStream((int)(http.Request.ContentLength ?? 0));
        byte[] part = ArrayPool<byte>.Shared.Rent(64 << 10);
        try
        {
            while (await http.Request.Body.ReadAsync(part, http.RequestAborted).ConfigureAwait(false) is var count and > 0)
            {
                if (body.Length + count > RequestLimits.MessageBytes)
                    throw TooLarge();
                body.Write(part, 0, count);
            }
            return body.ToArray();
        }
        catch (BadHttpRequestException bad)
        {
            throw new ApiException(ApiError.Body(bad.StatusCode, "bad_request", "body: " + bad.Message));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(part);
        }
    }

    private static ApiException TooLarge() => new(ApiError.Body(
        StatusCodes.Status413PayloadTooLarge, "request_too_large", $"body: larger than {RequestLimits.MessageBytes} bytes"));
}
