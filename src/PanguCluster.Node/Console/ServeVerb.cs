using System.CommandLine;

namespace PanguCluster.Node.Console;

public static class ServeVerb
{
    public static Command Create() => new("serve");
}
