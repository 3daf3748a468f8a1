using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;

namespace PanguCluster.Node.Tests.OpenAi;

/// <summary>A server-sent event as it came.</summary>
internal sealed record SseEvent(string? Id, string Data)
{
    public JsonElement Json => JsonDocument.Parse(Data).RootElement;

    /// <summary>The only choice.</summary>
    public JsonElement Choice => Json.GetProperty("choices")[0];
}

internal static class SseEvents
{
    public static async Task<List<SseEvent>> ReadAsync(HttpResponseMessage response)
    {
        var events = new List<SseEvent>();
        await foreach (var item in SseParser.Create(await response.Content.ReadAsStreamAsync()).EnumerateAsync())
            events.Add(new SseEvent(item.EventId, item.Data));
        return events;
    }

    public static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");
}
