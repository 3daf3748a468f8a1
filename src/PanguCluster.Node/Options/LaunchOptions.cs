using PanguCluster.Native;

namespace PanguCluster.Node.Options;

public enum LauncherKind
{
    None,
    Local,
    Command,
}

/// <summary>What starts nodes for <c>pangu scale</c>, where this node is the coordinator's.</summary>
/// <param name="Folder">Of a local launcher: what is known of the nodes it has started; one for each cluster.</param>
/// <param name="StartNice">Of a local launcher: by how much the CPU priority of a node is lowered until it joins, 0 .. 19.</param>
public sealed record LaunchOptions(LauncherKind Kind, string Folder, string StartCommand, string StopCommand, int StartNice)
{
    /// <summary>Of nodes that a local launcher starts: beside one thread that serves, a thread of theirs gets a tenth of a core.</summary>
    public const int DefaultStartNice = 10;

    /// <exception cref="OptionException">Names the option that is wrong or missing.</exception>
    public static LaunchOptions From(ServeOverrides said, string dataFolder)
    {
        var kind = said.Launcher switch
        {
            null or "none" => LauncherKind.None,
            "local" => LauncherKind.Local,
            "command" => LauncherKind.Command,
            var other => throw new OptionException($"--launcher {other}: expected none, local or command"),
        };
        if (kind == LauncherKind.Command && (said.StartNodeCommand is null or "" || said.StopNodeCommand is null or ""))
            throw new OptionException("--launcher command: needs --start-node-command and --stop-node-command");
        if (kind != LauncherKind.Command && (said.StartNodeCommand ?? said.StopNodeCommand) is not null)
            throw new OptionException("--start-node-command and --stop-node-command: need --launcher command");
        return new LaunchOptions(
            kind, Path.GetFullPath(said.LaunchFolder ?? Path.Combine(dataFolder, "launched")), said.StartNodeCommand ?? "", said.StopNodeCommand ?? "",
            ServeOptions.InRange("--start-nice", said.StartNice ?? DefaultStartNice, 0, LowPriority.MaxNice));
    }
}
