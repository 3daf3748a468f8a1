using Pangu.V1;

namespace PanguCluster.Node.Console;

/// <summary>One JSON object per event and line, with the proto's own names.</summary>
public sealed class JsonAnswerWriter(TextWriter output) : IAnswerWriter
{
    public async Task WriteAsync(GenerateEvent happened)
    {
        await output.WriteLineAsync(Output.Json(happened)).ConfigureAwait(false);
        await output.FlushAsync().ConfigureAwait(false);
    }
}
