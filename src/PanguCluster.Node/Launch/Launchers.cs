using PanguCluster.Actors.Control;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Launch;

public static class Launchers
{
    /// <summary>Null: nothing starts nodes here.</summary>
    public static INodeLauncher? Of(LaunchOptions options) => options.Kind switch
    {
        LauncherKind.Local => new LocalLauncher(OwnArguments(), options.Folder, options.StartNice, TimeProvider.System),
        LauncherKind.Command => new CommandLauncher(options.StartCommand, options.StopCommand, TimeProvider.System),
        _ => null,
    };

    /// <summary>What followed the verb when this process was started.</summary>
    private static string[] OwnArguments() => [.. Environment.GetCommandLineArgs().SkipWhile(a => a != "serve").Skip(1)];
}
