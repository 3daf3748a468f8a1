using System.Globalization;
using System.Text.Json;
using Grpc.Core;

namespace PanguCluster.Node.Security;

/// <summary>A request that does not reach its endpoint, said in the caller's own protocol.</summary>
internal sealed record Denial(StatusCode Status, int HttpStatus, string Type, string Code, string Message)
{
    public static Denial Unauthenticated(string message) =>
        new(StatusCode.Unauthenticated, StatusCodes.Status401Unauthorized, "invalid_request_error", "invalid_api_key", message);

    public static Denial PermissionDenied(string message) =>
        new(StatusCode.PermissionDenied, StatusCodes.Status403Forbidden, "permission_error", "permission_denied", message);

    public Task WriteAsync(HttpContext context)
    {
        var response = context.Response;
        if (context.Request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true)
        {
            response.ContentType = "application/grpc";
            response.Headers["grpc-status"] = ((int)Status).ToString(CultureInfo.InvariantCulture);
            response.Headers["grpc-message"] = Uri.EscapeDataString(Message);
            return Task.CompletedTask;
        }
        response.StatusCode = HttpStatus;
        if (Status == StatusCode.Unauthenticated)
            response.Headers.WWWAuthenticate = "Bearer";
        // The error object that the OpenAI clients read.
        return response.WriteAsJsonAsync(
            new { error = new { message = Message, type = Type, param = (string?)null, code = Code } }, JsonSerializerOptions.Web, context.RequestAborted);
    }
}
