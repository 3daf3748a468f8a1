using PanguCluster.Node.Local;

namespace PanguCluster.Chaos.Processes;

/// <summary>Ports of this test run: never the same twice, and elsewhere than those of another run on this machine.</summary>
internal static class FreshPorts
{
    private static int _next = FreePorts.AnyStart;

    /// <summary>Consecutive free ports.</summary>
    public static int[] Take(int count)
    {
        int[] ports = [.. FreePorts.Find(1, count, _next, 1).Select(address => address.Port)];
        _next = ports[^1] + 1;
        return ports;
    }

    /// <summary>A base for the ports of a whole local cluster.</summary>
    public static int TakeBase(int nodes)
    {
        int first = _next;
        _next += (nodes + 2) * LocalPlan.PortStride;
        return first;
    }
}
