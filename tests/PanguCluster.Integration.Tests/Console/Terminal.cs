using PanguCluster.Chaos.Processes;
using System.Diagnostics;
using System.Globalization;
using PanguCluster.Integration.Tests.Processes;

namespace PanguCluster.Integration.Tests.Console;

/// <summary>A shell in a terminal of a known size: tmux draws what a person would see.</summary>
internal sealed class Terminal : IAsyncDisposable
{
    private readonly string _socket = "pangu-console-" + Guid.NewGuid().ToString("N")[..8];

    private Terminal()
    {
    }

    /// <param name="command">Typed into the shell.</param>
    public static async Task<Terminal> OpenAsync(int columns, int rows, string command)
    {
        var terminal = new Terminal();
        await terminal.TmuxAsync("-f", "/dev/null", "new-session", "-d", "-x", Text(columns), "-y", Text(rows), "sh");
        await terminal.TypeAsync("PS1=; clear; " + command, "Enter");
        return terminal;
    }

    /// <param name="keys">As tmux names them.</param>
    public Task TypeAsync(params string[] keys) => TmuxAsync(["send-keys", .. keys]);

    /// <summary>The lines of the screen, as soon as they satisfy the condition.</summary>
    public async Task<string[]> UntilAsync(Func<string[], bool> condition)
    {
        string[] shown = [];
        await Wait.UntilAsync(
            async () =>
            {
                shown = [.. (await TmuxAsync("capture-pane", "-p"))[..^1].Split('\n').Select(l => l.TrimEnd())];
                return condition(shown);
            },
            RunningProgram.Limit, () => "shown:\n" + string.Join('\n', shown));
        return shown;
    }

    public async ValueTask DisposeAsync() => await TmuxAsync("kill-server");

    private async Task<string> TmuxAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("tmux", ["-L", _socket, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })
            ?? throw new InvalidOperationException("tmux did not start");
        string error = "";
        process.ErrorDataReceived += (_, line) => error += line.Data;
        process.BeginErrorReadLine();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"tmux {string.Join(' ', arguments)} ended with {process.ExitCode}: {error}");
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
