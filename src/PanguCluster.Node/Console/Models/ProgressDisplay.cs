using System.Globalization;
using PanguCluster.Node.Options;
using Spectre.Console;

namespace PanguCluster.Node.Console;

/// <summary>
/// How long work shows how far it is: a bar on a terminal, a plain line per tenth elsewhere, so that a log stays readable.
/// Always on stderr: stdout is for results.
/// </summary>
public static class ProgressDisplay
{
    /// <param name="error">Where to draw; a bar only when it is the process's own stderr and that is a terminal.</param>
    /// <param name="title">What is being done, like "packing".</param>
    /// <param name="work">Called once with what it reports to: amount done, amount in all, and the part at hand.</param>
    /// <param name="bytes">Whether the amounts are bytes, which are shown as sizes and speeds.</param>
    public static T Run<T>(TextWriter error, string title, Func<Action<long, long, string>, T> work, bool bytes = true)
    {
        bool terminal = ReferenceEquals(error, System.Console.Error) && !System.Console.IsErrorRedirected;
        return terminal ? RunBar(error, title, work, bytes) : work(new Lines(error, title, bytes).Report);
    }

    private static T RunBar<T>(TextWriter error, string title, Func<Action<long, long, string>, T> work, bool bytes)
    {
        ProgressColumn[] columns = [new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn()];
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });
        return console.Progress()
            .AutoClear(true)
            .Columns(bytes ? [.. columns, new TransferSpeedColumn()] : columns)
            .Start(context =>
            {
                var task = context.AddTask(title);
                return work((done, total, file) =>
                {
                    task.MaxValue = total;
                    task.Value = done;
                    task.Description = Markup.Escape($"{title} {file}");
                });
            });
    }

    private sealed class Lines(TextWriter error, string title, bool bytes)
    {
        private long _tenth;

        public void Report(long done, long total, string file)
        {
            long tenth = total == 0 ? 10 : done * 10 / total;
            if (tenth <= _tenth)
                return;
            _tenth = tenth;
            string amount = bytes ? $" ({ByteSize.Format(done)} of {ByteSize.Format(total)})" : "";
            error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{title} {tenth * 10} %{amount} {file}"));
        }
    }
}
