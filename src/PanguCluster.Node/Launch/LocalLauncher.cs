using System.Diagnostics;
using System.Globalization;
using PanguCluster.Actors.Control;
using PanguCluster.Node.Local;

namespace PanguCluster.Node.Launch;

/// <summary>
/// Starts nodes as processes of this machine. They outlive the node that started them, since any node may be coordinator and may be killed; so what is known of
/// them lies in a folder that all nodes of the cluster share: a file with the process, and what it has said.
/// </summary>
/// <param name="own">What followed <c>serve</c> on this node's command line.</param>
/// <param name="folder">One for each cluster of a machine.</param>
/// <param name="startNice">See <see cref="Options.LaunchOptions.StartNice"/>.</param>
public sealed class LocalLauncher(IReadOnlyList<string> own, string folder, int startNice, TimeProvider time) : INodeLauncher
{
    private static readonly TimeSpan TermLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan EarlyEnd = TimeSpan.FromSeconds(2);

    /// <summary>Nodes started one after the other look for ports at as many places.</summary>
    private const int PortTurns = 64;

    private int _started;

    /// <summary>The shell only opens the log and becomes the node.</summary>
    private const string Script = "log=$1; shift; exec \"$@\" </dev/null >>\"$log\" 2>&1";

    internal const string MarkSuffix = ".process";

    public string Name => "local";

    public async Task StartAsync(LaunchRequest request, CancellationToken cancellation)
    {
        var mark = Start(request);
        // What is wrong with its options or ports shows at once.
        for (var waited = TimeSpan.Zero; waited < EarlyEnd; waited += Poll)
        {
            await Task.Delay(Poll, time, cancellation).ConfigureAwait(false);
            if (!mark.IsAlive)
                throw new LaunchException($"it ended at once: {LastWords(request.NodeId)}");
        }
    }

    private ProcessMark Start(LaunchRequest request)
    {
        try
        {
            Directory.CreateDirectory(folder);
            // The ports of the last one may not be taken yet: this one looks further on.
            int turn = Interlocked.Increment(ref _started) % PortTurns;
            var ports = FreePorts.Find(1, LocalPlan.PortsPerNode, FreePorts.AnyStart + turn * LocalPlan.PortStride, LocalPlan.PortStride);
            var (program, leading) = Self.Command();
            string[] command = ["-c", Script, "sh", LogFile(request.NodeId), program, .. leading, .. LaunchArguments.Of(own, request, ports, startNice)];
            using var process = Process.Start(new ProcessStartInfo("/bin/sh", command) { UseShellExecute = false })
                ?? throw new LaunchException("the shell did not start");
            // It keeps its number and start time when it becomes the node.
            var mark = ProcessMark.Of(process.Id) ?? throw new LaunchException($"it ended at once; see {LogFile(request.NodeId)}");
            File.WriteAllText(MarkFile(request.NodeId), mark.ToString());
            return mark;
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            throw new LaunchException(failed.Message, failed);
        }
    }

    private string LastWords(string nodeId)
    {
        try
        {
            return File.ReadLines(LogFile(nodeId)).LastOrDefault(line => line.Length > 0) ?? "it said nothing";
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            return missing.Message;
        }
    }

    public async Task StopAsync(string nodeId, CancellationToken cancellation)
    {
        if (Read(nodeId) is not { } mark)
            return;
        if (mark.IsAlive)
        {
            await SignalAsync("TERM", mark, cancellation).ConfigureAwait(false);
            for (var waited = TimeSpan.Zero; mark.IsAlive && waited < TermLimit; waited += Poll)
                await Task.Delay(Poll, time, cancellation).ConfigureAwait(false);
            if (mark.IsAlive)
                await SignalAsync("KILL", mark, cancellation).ConfigureAwait(false);
        }
        File.Delete(MarkFile(nodeId));
    }

    private ProcessMark? Read(string nodeId)
    {
        try
        {
            return ProcessMark.Parse(File.ReadAllText(MarkFile(nodeId)));
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null; // not one that was launched
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new LaunchException(failed.Message, failed);
        }
    }

    private static async Task SignalAsync(string signal, ProcessMark mark, CancellationToken cancellation)
    {
        using var kill = Process.Start("kill", ["-s", signal, mark.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(cancellation).ConfigureAwait(false);
    }

    private string MarkFile(string nodeId) => Path.Combine(folder, nodeId + MarkSuffix);

    private string LogFile(string nodeId) => Path.Combine(folder, nodeId + ".log");
}
