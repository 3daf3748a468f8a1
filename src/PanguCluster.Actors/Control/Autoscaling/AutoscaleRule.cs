using System.Globalization;

namespace PanguCluster.Actors.Control.Autoscaling;

/// <summary>Bounds and targets.</summary>
public sealed record AutoscaleOptions
{
    /// <summary>Most nodes an autoscaler may be allowed.</summary>
    public const int NodeLimit = 1024;

    public required int MinNodes { get; init; }
    public required int MaxNodes { get; init; }

    /// <summary>There may be a queue for so long: the cluster grows when it lasts longer.</summary>
    public TimeSpan QueueWait { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Part of the KV cache that may be in use: the cluster grows above it.</summary>
    public double KvUse { get; init; } = 0.85;

    /// <summary>After any change, before the cluster grows again: a node needs time to take its share.</summary>
    public TimeSpan UpCoolDown { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>After any change, before the cluster shrinks: longer, since a node too many costs less than one too few.</summary>
    public TimeSpan DownCoolDown { get; init; } = TimeSpan.FromMinutes(5);

    /// <exception cref="ArgumentException">A field is out of range.</exception>
    public void Validate()
    {
        if (MinNodes < 1 || MinNodes > NodeLimit)
            throw new ArgumentException($"{nameof(MinNodes)} {MinNodes}: expected 1 .. {NodeLimit}");
        if (MaxNodes < MinNodes || MaxNodes > NodeLimit)
            throw new ArgumentException($"{nameof(MaxNodes)} {MaxNodes}: expected {nameof(MinNodes)} ({MinNodes}) .. {NodeLimit}");
        if (QueueWait <= TimeSpan.Zero)
            throw new ArgumentException($"{nameof(QueueWait)} {QueueWait}: expected more than 0");
        if (!(KvUse > 0 && KvUse <= 1))
            throw new ArgumentException($"{nameof(KvUse)} {KvUse}: expected more than 0, at most 1");
        if (UpCoolDown < TimeSpan.Zero || DownCoolDown < TimeSpan.Zero)
            throw new ArgumentException($"{nameof(UpCoolDown)} and {nameof(DownCoolDown)}: expected 0 or more");
    }
}

/// <param name="Nodes">Members that serve, or are about to.</param>
/// <param name="Waiting">Sequences in the decoders' queues.</param>
/// <param name="QueueWait">For how long there has been a queue: somebody has waited so long.</param>
/// <param name="KvUse">Part of the KV cache that sequences hold: 0 .. 1.</param>
/// <param name="SinceChange">Since the number of nodes last changed, or was last asked to.</param>
public readonly record struct AutoscaleInputs(int Nodes, int Waiting, TimeSpan QueueWait, double KvUse, TimeSpan SinceChange);

/// <param name="Nodes">Wanted.</param>
/// <param name="Reason">For an operator; empty if nothing is to change.</param>
public readonly record struct AutoscaleDecision(int Nodes, string Reason);

/// <summary>How many nodes there should be. Pure.</summary>
public static class AutoscaleRule
{
    /// <summary>The cluster shrinks only if those that stay would be this far below the targets: otherwise it would grow again at once.</summary>
    private const double Slack = 0.7;

    public static AutoscaleDecision Decide(AutoscaleInputs now, AutoscaleOptions options)
    {
        if (now.Nodes < options.MinNodes)
            return new(options.MinNodes, Text($"{now.Nodes} nodes: at least {options.MinNodes}"));
        if (now.Nodes > options.MaxNodes)
            return new(options.MaxNodes, Text($"{now.Nodes} nodes: at most {options.MaxNodes}"));
        bool slow = now.Waiting > 0 && now.QueueWait > options.QueueWait;
        bool full = now.KvUse > options.KvUse;
        if (slow || full)
            return Grow(now, options, slow);
        int fewer = now.Nodes - 1;
        if (fewer < options.MinNodes || now.Waiting > 0 || now.SinceChange < options.DownCoolDown)
            return new(now.Nodes, "");
        double then = now.KvUse * now.Nodes / fewer;
        return then <= options.KvUse * Slack
            ? new(fewer, Text($"nothing waits, and {fewer} nodes would use {then:P0} of their KV cache"))
            : new(now.Nodes, "");
    }

    /// <summary>By one node, or by a quarter of them: a large cluster is not grown one node a cool-down.</summary>
    private static AutoscaleDecision Grow(AutoscaleInputs now, AutoscaleOptions options, bool slow)
    {
        int more = Math.Min(options.MaxNodes, now.Nodes + Math.Max(1, now.Nodes / 4));
        if (more == now.Nodes || now.SinceChange < options.UpCoolDown)
            return new(now.Nodes, "");
        return new(more, slow
            ? Text($"{now.Waiting} sequences wait, and some have for {now.QueueWait.TotalSeconds:F1} s: target {options.QueueWait.TotalSeconds:F1} s")
            : Text($"{now.KvUse:P0} of the KV cache is in use: target {options.KvUse:P0}"));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
