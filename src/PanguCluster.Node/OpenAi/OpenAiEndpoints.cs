using System.Text.Json;
using PanguCluster.Node.Security;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>The HTTP API that OpenAI's clients speak, below <c>/v1</c>.</summary>
internal static class OpenAiEndpoints
{
    /// <summary>Nothing, on a node that takes no clients.</summary>
    public static void MapOpenAi(this WebApplication app)
    {
        if (app.Services.GetService<CompletionService>() is not { } completions)
            return;
        var model = app.Services.GetRequiredService<ServedModel>();
        var v1 = app.MapGroup("/v1").For(Access.Client);
        v1.MapPost("/chat/completions", http => completions.ServeAsync(http, ChatRequests.Read,
            (head, texts, logprobs) => new ChatWriter(head, texts, logprobs)));
        v1.MapPost("/completions", http => completions.ServeAsync(http, CompletionRequests.Read,
            (head, texts, logprobs) => new CompletionWriter(head, texts, logprobs)));
        v1.MapGet("/models", http => ApiJson.WriteAsync(http, StatusCodes.Status200OK, json => WriteModels(json, model)));
        v1.MapGet("/models/{**id}", http => OneModelAsync(http, model));
        v1.MapFallback(http => ApiJson.WriteAsync(http, ApiError.UnknownUrl(http.Request.Method, http.Request.Path)));
    }

    private static Task OneModelAsync(HttpContext http, ServedModel model)
    {
        string id = (string)http.Request.RouteValues["id"]!;
        return id == model.Manifest.Name
            ? ApiJson.WriteAsync(http, StatusCodes.Status200OK, json => WriteModel(json, model))
            : ApiJson.WriteAsync(http, ApiError.UnknownModel(id, model.Manifest.Name));
    }

    private static void WriteModels(Utf8JsonWriter json, ServedModel model)
    {
        json.WriteStartObject();
        json.WriteString("object"u8, "list"u8);
        json.WriteStartArray("data"u8);
        WriteModel(json, model);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteModel(Utf8JsonWriter json, ServedModel model)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, model.Manifest.Name);
        json.WriteString("object"u8, "model"u8);
        json.WriteNumber("created"u8, 0); // A packed model does not know.
        json.WriteString("owned_by"u8, "pangucluster"u8);
        json.WriteString("digest"u8, model.Manifest.Digest);
        json.WriteNumber("max_model_len"u8, model.ContextLength);
        json.WriteEndObject();
    }
}
