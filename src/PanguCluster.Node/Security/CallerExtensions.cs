namespace PanguCluster.Node.Security;

public static class CallerExtensions
{
    /// <summary>Who sent this request. Works for HTTP and, through <c>ServerCallContext.GetHttpContext()</c>, for gRPC.</summary>
    public static Caller Caller(this HttpContext context) => context.Features.Get<Caller>() ?? Security.Caller.Anonymous;
}
