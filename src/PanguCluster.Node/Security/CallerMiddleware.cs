namespace PanguCluster.Node.Security;

/// <summary>Lets a request through to its endpoint when its sender may call it, and remembers who that is.</summary>
internal sealed partial class CallerMiddleware(RequestDelegate next, EdgeSecurity security, ILogger<CallerMiddleware> log)
{
    public Task InvokeAsync(HttpContext context)
    {
        var access = context.GetEndpoint()?.Metadata.OfType<Access>().Select(a => (Access?)a).LastOrDefault() ?? Access.Client;
        var (caller, problem) = security.Identify(context.Request.Headers.Authorization, context.Connection.ClientCertificate);
        if (caller is not null)
            context.Features.Set(caller);
        if (access == Access.Anyone)
            return next(context);
        if (caller is null)
        {
            Refused(context.Connection.RemoteIpAddress, problem);
            return Denial.Unauthenticated(problem).WriteAsync(context);
        }
        if (access == Access.Operator && !caller.IsOperator)
        {
            Denied(caller.KeyId, context.Request.Path);
            return Denial.PermissionDenied($"'{caller.KeyId}' is a client's credential; this needs an operator's").WriteAsync(context);
        }
        return next(context);
    }

    [LoggerMessage(LogLevel.Information, "a request from {Address} has no valid credentials: {Problem}")]
    private partial void Refused(System.Net.IPAddress? address, string problem);

    [LoggerMessage(LogLevel.Information, "key {KeyId} may not call {Path}")]
    private partial void Denied(string keyId, PathString path);
}
