using System.Diagnostics;

namespace PanguCluster.Chaos.Processes;

/// <summary>How a finished program ended.</summary>
internal sealed record Ended(int Code, string Output, string Error);

/// <summary>A running program whose output is kept; killed when the test is over.</summary>
internal sealed class RunningProgram : IAsyncDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly List<string> _output = [];
    private readonly List<string> _error = [];

    private RunningProgram(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Keep(_output, line.Data);
        process.ErrorDataReceived += (_, line) => Keep(_error, line.Data);
    }

    public int Id => _process.Id;
    public bool HasExited => _process.HasExited;
    public string Output => Text(_output);
    public string Error => Text(_error);

    public static RunningProgram Start(string program, IEnumerable<string> arguments, string? folder = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = folder ?? Repository.Root,
        };
        start.Environment.Remove("PANGU_FORCE_ISA");
        var process = new Process { StartInfo = start };
        var running = new RunningProgram(process);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return running;
    }

    public static RunningProgram Pangu(params IEnumerable<string> arguments) => Start(Repository.Pangu, arguments);

    public static async Task<Ended> RunPanguAsync(params IEnumerable<string> arguments)
    {
        await using var running = Pangu(arguments);
        return await running.EndAsync();
    }

    /// <summary>Waits until the program has ended.</summary>
    public async Task<Ended> EndAsync(TimeSpan? limit = null)
    {
        using var late = new CancellationTokenSource(limit ?? Limit);
        try
        {
            await _process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{_process.StartInfo.FileName} {string.Join(' ', _process.StartInfo.ArgumentList)} is still running; stdout:\n{Output}\nstderr:\n{Error}");
        }
        return new Ended(_process.ExitCode, Output, Error);
    }

    /// <summary>Waits until stdout satisfies the condition.</summary>
    public async Task<string> UntilOutputAsync(Func<string, bool> condition, TimeSpan? limit = null)
    {
        await Wait.UntilAsync(() => condition(Output) || _process.HasExited, limit ?? Limit, () => $"stdout:\n{Output}\nstderr:\n{Error}");
        // A program that ends may have said it with its last words, which arrive after its end is known.
        if (!condition(Output))
            throw new InvalidOperationException($"The program ended with {(await EndAsync()).Code}; stdout:\n{Output}\nstderr:\n{Error}");
        return Output;
    }

    /// <summary>Sends a signal by name (INT, TERM, KILL) to this process only.</summary>
    public void Signal(string name) => Signals.Send(name, Id);

    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private void Keep(List<string> lines, string? line)
    {
        if (line is null)
            return;
        lock (lines)
            lines.Add(line);
    }

    private static string Text(List<string> lines)
    {
        lock (lines)
            return string.Concat(lines.Select(l => l + "\n"));
    }
}
