using System.Diagnostics;
using System.Globalization;
using PanguCluster.Actors.Control;

namespace PanguCluster.Node.Launch;

/// <summary>
/// The operator's own commands start and stop nodes: for systemd, Nomad, Kubernetes and whatever else keeps processes. They run by <c>/bin/sh -c</c> on the
/// coordinator's machine, with PANGU_NODE_ID, PANGU_SEED_NODES (host:port, separated by commas) and PANGU_EXPECTED_NODES in their environment.
/// </summary>
public sealed class CommandLauncher(string start, string stop, TimeProvider time) : INodeLauncher
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Of what a command says on stderr, so much stands in the error.</summary>
    private const int KeptCharacters = 500;

    public string Name => "command";

    public Task StartAsync(LaunchRequest request, CancellationToken cancellation) => RunAsync(
        "--start-node-command", start, request.NodeId,
        [("PANGU_SEED_NODES", string.Join(',', request.Seeds)), ("PANGU_EXPECTED_NODES", request.ExpectedNodes.ToString(CultureInfo.InvariantCulture))], cancellation);

    public Task StopAsync(string nodeId, CancellationToken cancellation) => RunAsync("--stop-node-command", stop, nodeId, [], cancellation);

    private async Task RunAsync(
        string option, string command, string nodeId, IReadOnlyList<(string Name, string Value)> environment, CancellationToken cancellation)
    {
        var info = new ProcessStartInfo("/bin/sh", ["-c", command]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true };
        info.Environment["PANGU_NODE_ID"] = nodeId;
        foreach (var (name, value) in environment)
            info.Environment[name] = value;
        using var process = Process.Start(info) ?? throw new LaunchException($"{option}: the shell did not start");
        using var late = new CancellationTokenSource(Limit, time);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        string said = "";
        process.ErrorDataReceived += (_, line) => said = Kept(said + line.Data + " ");
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        try
        {
            // The process, not its output: a command may leave something running that keeps that open.
            while (!process.HasExited)
                await Task.Delay(TimeSpan.FromMilliseconds(20), time, ends.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new LaunchException($"{option} did not end within {Limit.TotalSeconds:0} s");
        }
        if (process.ExitCode != 0)
            throw new LaunchException($"{option} ended with {process.ExitCode}{(said.Trim().Length > 0 ? ": " + said.Trim() : "")}");
    }

    private static string Kept(string text) => text.Length <= KeptCharacters ? text : text[^KeptCharacters..];
}
