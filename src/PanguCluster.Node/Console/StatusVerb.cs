using System.CommandLine;

namespace PanguCluster.Node.Console;

public static class StatusVerb
{
    public static Command Create() => new("status");
}
