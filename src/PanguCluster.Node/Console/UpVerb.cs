using System.CommandLine;

namespace PanguCluster.Node.Console;

public static class UpVerb
{
    public static Command Create() => new("up");
}
