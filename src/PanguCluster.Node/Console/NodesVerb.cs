using System.CommandLine;

namespace PanguCluster.Node.Console;

public static class NodesVerb
{
    public static Command Create() => new("nodes");
}
