using System.Diagnostics;

namespace PanguCluster.Node.Local;

/// <summary>
/// The process of one node. It lives no longer than this one: its standard input is a pipe from here, and it stops when that ends.
/// </summary>
public sealed class NodeChild : IDisposable
{
    /// <summary>How much of its last words is kept.</summary>
    private const int KeptLines = 15;

    private readonly Process _process;
    private readonly Queue<string> _lastLines = new(KeptLines);

    private NodeChild(LocalNode node, Process process)
    {
        Node = node;
        _process = process;
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        // Read, so that the pipe never fills; the node's own ready line says nothing that is not known here.
        process.OutputDataReceived += (_, _) => { };
    }

    public LocalNode Node { get; }

    public int ProcessId => _process.Id;

    public bool HasExited => _process.HasExited;

    public static NodeChild Start(LocalNode node)
    {
        var (program, leading) = Self.Command();
        var start = new ProcessStartInfo(program, [.. leading, .. node.Arguments])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        var process = new Process { StartInfo = start };
        var child = new NodeChild(node, process);
        process.Start();
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return child;
    }

    /// <summary>Completes when the process has ended.</summary>
    public Task EndedAsync(CancellationToken cancellation = default) => _process.WaitForExitAsync(cancellation);

    /// <summary>How it ended, with the last lines it wrote to stderr.</summary>
    public string Obituary()
    {
        if (_process.ExitCode == 0)
            return $"{Node.Id} (process {ProcessId}) has left the cluster";
        lock (_lastLines)
        {
            string words = string.Concat(_lastLines.Select(line => $"{Environment.NewLine}  {line}"));
            return $"{Node.Id} (process {ProcessId}) ended with code {_process.ExitCode}{(words.Length > 0 ? "; its last words:" : "")}{words}";
        }
    }

    /// <summary>Asks the node to stop in good order.</summary>
    public void RequestStop()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It is gone already.
        }
    }

    /// <summary>Ends the process at once.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }

    public void Dispose() => _process.Dispose();

    private void Keep(string? line)
    {
        if (string.IsNullOrWhiteSpace(line))
            return;
        lock (_lastLines)
        {
            if (_lastLines.Count == KeptLines)
                _lastLines.Dequeue();
            _lastLines.Enqueue(line);
        }
    }
}
