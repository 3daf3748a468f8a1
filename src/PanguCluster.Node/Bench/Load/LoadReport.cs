namespace PanguCluster.Node.Bench;

/// <summary>What to ask of a server.</summary>
/// <param name="Clients">Callers at once, each with its own connection and one request at a time.</param>
/// <param name="Requests">In all.</param>
/// <param name="TimeoutSeconds">Of one request.</param>
public sealed record LoadPlan(int Clients, int Requests, int MaxTokens, int PromptTokens, double TimeoutSeconds);

/// <summary>How a server did.</summary>
/// <param name="Completed">Requests that ended with a finished answer.</param>
/// <param name="Seconds">From the first request to the end of the last.</param>
/// <param name="GeneratedTokens">Received, those of answers that broke off too.</param>
/// <param name="TokensPerSecond">Generated tokens over the time of the whole test.</param>
/// <param name="Ttft">Time to the first token, of every request that got one.</param>
/// <param name="Tpot">Time per output token after the first, one figure per request that got two or more.</param>
/// <param name="Itl">Times between one token and the next, all of them.</param>
/// <param name="Latency">Of completed requests, whole.</param>
/// <param name="Errors">How often each way to fail was met.</param>
/// <param name="FirstErrors">The first message of each.</param>
public sealed record LoadReport(
    IReadOnlyList<string> Servers, string Model, LoadPlan Plan, int Completed, double Seconds, long PromptTokens, long GeneratedTokens,
    double TokensPerSecond, double RequestsPerSecond, LatencySummary Ttft, LatencySummary Tpot, LatencySummary Itl, LatencySummary Latency,
    IReadOnlyDictionary<string, int> Errors, IReadOnlyDictionary<string, string> FirstErrors);
