using Pangu.V1;

namespace PanguCluster.Node.Console;

/// <summary>Prints the events of one answer as they come.</summary>
public interface IAnswerWriter
{
    Task WriteAsync(GenerateEvent happened);
}
