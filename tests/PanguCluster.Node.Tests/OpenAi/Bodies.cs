using System.Text.Json;
using PanguCluster.Node.OpenAi;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.OpenAi;

/// <summary>Request bodies, read as the endpoints read them.</summary>
internal static class Bodies
{
    public static JsonElement Json(string body) => JsonDocument.Parse(body).RootElement;

    public static ApiRequest Chat(string body) => ChatRequests.Read(Json(body), TestModel.Create());

    public static ApiRequest Completion(string body) => CompletionRequests.Read(Json(body), TestModel.Create());

    /// <summary>The error that a body is refused with, by its rules or by those of the request that it is translated to.</summary>
    public static ApiError Refusal(CompletionService.RequestReader read, string body) =>
        Assert.Throws<ApiException>(() => read(Json(body), TestModel.Create()).Check(TestModel.Create(), null, "fresh", 7, "")).Error;
}
