using System.Globalization;
using PanguCluster.Actors.Control.Autoscaling;

namespace PanguCluster.Node.Options;

/// <summary>Bounds and targets of the autoscaler as users write them.</summary>
public static class AutoscaleSettings
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestCoolDown = TimeSpan.FromDays(1);

    /// <returns>Null: the number of nodes is the operator's.</returns>
    /// <exception cref="OptionException">Names the option that is wrong, or says that nothing starts nodes here.</exception>
    public static AutoscaleOptions? From(ServeOverrides said, LauncherKind launcher)
    {
        if (said.Autoscale is not { } text)
            return (said.AutoscaleWait ?? said.AutoscaleKv ?? said.AutoscaleCooldown) is null
                ? null
                : throw new OptionException("--autoscale-wait, --autoscale-kv and --autoscale-cooldown: need --autoscale MIN-MAX");
        var (least, most) = Range(text);
        if (launcher == LauncherKind.None)
            throw new OptionException("--autoscale: needs a --launcher, which starts the nodes");
        var options = new AutoscaleOptions { MinNodes = least, MaxNodes = most };
        if (said.AutoscaleWait is { } wait)
            options = options with { QueueWait = Duration.InRange("--autoscale-wait", wait, TimeSpan.FromMilliseconds(100), LongestWait) };
        if (said.AutoscaleKv is { } kv)
            options = options with { KvUse = Percent(kv) / 100.0 };
        return said.AutoscaleCooldown is { } coolDown ? CoolDowns(options, coolDown) : options;
    }

    private static (int Least, int Most) Range(string text)
    {
        string[] parts = text.Split('-');
        return parts.Length == 2 && Number(parts[0], out int least) && Number(parts[1], out int most) && least >= 1 && most >= least && most <= AutoscaleOptions.NodeLimit
            ? (least, most)
            : throw new OptionException($"--autoscale {text}: expected MIN-MAX nodes, like 2-8, at most {AutoscaleOptions.NodeLimit}");
    }

    private static int Percent(string text) => Number(text.EndsWith('%') ? text[..^1] : text, out int percent) && percent is >= 1 and <= 100
        ? percent
        : throw new OptionException($"--autoscale-kv {text}: expected 1 .. 100, percent of the KV cache");

    private static AutoscaleOptions CoolDowns(AutoscaleOptions options, string text)
    {
        const string option = "--autoscale-cooldown";
        string[] parts = text.Split(',');
        if (parts.Length != 2)
            throw new OptionException($"{option} {text}: expected OUT,IN, like 30s,5m");
        return options with
        {
            UpCoolDown = Duration.InRange(option, parts[0], TimeSpan.Zero, LongestCoolDown), DownCoolDown = Duration.InRange(option, parts[1], TimeSpan.Zero, LongestCoolDown),
        };
    }

    private static bool Number(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
