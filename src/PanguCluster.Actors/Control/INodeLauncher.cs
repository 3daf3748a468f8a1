namespace PanguCluster.Actors.Control;

/// <param name="NodeId">Id the new node must take.</param>
/// <param name="Seeds">host:port of members to join.</param>
/// <param name="ExpectedNodes">How many nodes there will be: a hint for the shares of one machine's cores.</param>
public sealed record LaunchRequest(string NodeId, IReadOnlyList<string> Seeds, int ExpectedNodes);

/// <summary>Starts and ends node processes for <c>pangu scale</c> and the autoscaler. Whoever has it may become coordinator at any time, so it keeps no state that others need.</summary>
public interface INodeLauncher
{
    /// <summary>For people: "local", "command".</summary>
    string Name { get; }

    /// <summary>Starts a node's process, or has it started. Returns as soon as that is under way; the node shows itself by joining.</summary>
    /// <exception cref="LaunchException">It cannot be started; says why.</exception>
    Task StartAsync(LaunchRequest request, CancellationToken cancellation);

    /// <summary>The node has left the cluster, or never came: sees to it that no process of it is left. Harmless when there is none.</summary>
    /// <exception cref="LaunchException">It cannot be told to stop; says why.</exception>
    Task StopAsync(string nodeId, CancellationToken cancellation);
}

public sealed class LaunchException(string message, Exception? inner = null) : Exception(message, inner);
