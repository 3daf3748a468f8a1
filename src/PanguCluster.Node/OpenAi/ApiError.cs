using System.Text.Json;
using PanguCluster.Actors.Streams;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>A refusal or failure as the OpenAI clients read it: an HTTP status, and an object of type, code and the parameter at fault.</summary>
/// <param name="Status">HTTP status; inside a running stream, where it is too late for one, it is not sent.</param>
/// <param name="Code">What programs look at, or null.</param>
/// <param name="Param">The field at fault, or null.</param>
public sealed record ApiError(int Status, string Type, string? Code, string? Param, string Message)
{
    private const string BadRequest = "invalid_request_error";
    private const string ServerError = "server_error";

    /// <summary>When the request is worth another try, or null.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The clients repeat a 409 by themselves; false keeps them from it.</summary>
    public bool MayRepeat { get; init; } = true;

    public static ApiError Invalid(string param, string problem, string? code = null) =>
        new(StatusCodes.Status400BadRequest, BadRequest, code, param, $"{param}: {problem}");

    public static ApiError Body(int status, string code, string message) => new(status, BadRequest, code, null, message);

    public static ApiError UnknownModel(string wanted, string served) => new(
        StatusCodes.Status404NotFound, BadRequest, "model_not_found", "model", $"model: '{wanted}' is not served here; '{served}' is");

    public static ApiError UnknownUrl(string method, string path) =>
        new(StatusCodes.Status404NotFound, BadRequest, "unknown_url", null, $"there is no {method} {path} here");

    /// <summary>A choice that somebody else ended.</summary>
    public static ApiError Cancelled { get; } =
        new(StatusCodes.Status409Conflict, BadRequest, "cancelled", null, "the session was cancelled") { MayRepeat = false };

    public static ApiError Internal { get; } =
        new(StatusCodes.Status500InternalServerError, ServerError, "internal_error", null, "the server failed on this request; its log says why");

    public static ApiError Stopping { get; } = new(
        StatusCodes.Status503ServiceUnavailable, ServerError, "unavailable", null, "the node is stopping; go on with the session at another one")
    {
        RetryAfter = TimeSpan.FromMilliseconds(FailureStatus.UnavailableRetryMilliseconds),
    };

    public static ApiError Of(StreamEvent.Failed failed) => failed.Kind switch
    {
        FailureKind.Overloaded => new(StatusCodes.Status429TooManyRequests, "rate_limit_error", "rate_limit_exceeded", null, failed.Message)
        {
            RetryAfter = failed.RetryAfter ?? TimeSpan.FromMilliseconds(FailureStatus.OverloadedRetryMilliseconds),
        },
        FailureKind.Unavailable => Stopping with
        {
            Message = failed.Message,
            RetryAfter = failed.RetryAfter ?? TimeSpan.FromMilliseconds(FailureStatus.UnavailableRetryMilliseconds),
        },
        FailureKind.Invalid => new(StatusCodes.Status400BadRequest, BadRequest, null, null, failed.Message),
        FailureKind.DeadlineExceeded => new(StatusCodes.Status504GatewayTimeout, ServerError, "deadline_exceeded", null, failed.Message),
        FailureKind.NotFound => new(StatusCodes.Status404NotFound, BadRequest, "session_not_found", RequestFields.LastEventId, failed.Message),
        FailureKind.Conflict => new(StatusCodes.Status409Conflict, BadRequest, "session_conflict", RequestFields.IdempotencyKey, failed.Message)
        {
            MayRepeat = false,
        },
        FailureKind.OutOfRange => new(StatusCodes.Status400BadRequest, BadRequest, "out_of_range", RequestFields.LastEventId, failed.Message),
        _ => Internal with { Message = failed.Message },
    };

    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartObject("error"u8);
        json.WriteString("message"u8, Message);
        json.WriteString("type"u8, Type);
        json.WriteString("param"u8, Param);
        json.WriteString("code"u8, Code);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}

/// <summary>Ends a request with an <see cref="ApiError"/>.</summary>
public sealed class ApiException(ApiError error) : Exception(error.Message)
{
    public ApiError Error { get; } = error;
}
