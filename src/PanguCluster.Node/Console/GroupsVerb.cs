using System.CommandLine;

namespace PanguCluster.Node.Console;

public static class GroupsVerb
{
    public static Command Create() => new("groups");
}
