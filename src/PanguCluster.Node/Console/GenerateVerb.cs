using System.CommandLine;

namespace PanguCluster.Node.Console;

public static class GenerateVerb
{
    public static Command Create() => new("generate");
}
