using System.CommandLine;
using PanguCluster.Node.Options;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu top</c>: the cluster, live.</summary>
public static class TopVerb
{
    private const int OnceWidth = 100;
    private static readonly TimeSpan KeyPoll = TimeSpan.FromMilliseconds(50);

    public static Command Create()
    {
        var once = new Option<bool>("--once") { Description = "print one picture of one interval, and end" };
        var interval = new Option<string>("--interval") { Description = "time between two pictures", DefaultValueFactory = _ => "1s", HelpName = "TIME" };
        var format = Output.FormatOption("table", "json");
        var server = new ServerOptions();
        var command = new Command("top", "the cluster, live: tokens/s, latencies, queues, KV, groups, imbalance, failures, operations; q quits") { once, interval, format };
        server.AddServersTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var pause = Duration.InRange("--interval", parsed.GetValue(interval)!, TimeSpan.FromSeconds(0.2), TimeSpan.FromMinutes(1));
            bool json = parsed.GetValue(format) == "json";
            var output = parsed.InvocationConfiguration.Output;
            using var source = new TopSource(server, parsed);
            if (!parsed.GetValue(once))
            {
                if (json || !ReferenceEquals(output, System.Console.Out) || System.Console.IsOutputRedirected || System.Console.IsInputRedirected)
                    throw new CommandFailedException(ExitCodes.Usage, "top needs a terminal, and prints JSON only once: add --once");
                await LiveAsync(source, output, pause, stop).ConfigureAwait(false);
                return ExitCodes.Done;
            }
            await source.NextAsync(stop).ConfigureAwait(false);
            await Task.Delay(pause, stop).ConfigureAwait(false);
            var figures = (await source.NextAsync(stop).ConfigureAwait(false))!;
            if (json)
                await output.WriteLineAsync(figures.ToJson()).ConfigureAwait(false);
            else
                foreach (string line in TopScreen.Lines(figures, OnceWidth, int.MaxValue, ""))
                    await output.WriteLineAsync(line).ConfigureAwait(false);
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu top", "pangu top --once -o json");
    }

    /// <summary>Draws on the terminal's other screen, and gives the first one back as it was.</summary>
    private static async Task LiveAsync(TopSource source, TextWriter output, TimeSpan pause, CancellationToken stop)
    {
        await source.NextAsync(stop).ConfigureAwait(false);
        await output.WriteAsync("\u001b[?1049h\u001b[?25l\u001b[2J").ConfigureAwait(false);
        try
        {
            TopFigures? figures = null;
            string problem = "";
            while (!await QuitsAsync(pause, () => Draw(output, figures, problem), stop).ConfigureAwait(false))
            {
                try
                {
                    figures = await source.NextAsync(stop).ConfigureAwait(false) ?? figures;
                    problem = "";
                }
                catch (CommandFailedException failed)
                {
                    problem = failed.Message;
                }
                Draw(output, figures, problem);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Ctrl-C is another way to quit.
        }
        finally
        {
            await output.WriteAsync("\u001b[?25h\u001b[?1049l").ConfigureAwait(false);
            await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Waits for the next picture's time; draws the present one again when the window changes.</summary>
    private static async Task<bool> QuitsAsync(TimeSpan pause, Action resized, CancellationToken stop)
    {
        var size = (System.Console.WindowWidth, System.Console.WindowHeight);
        for (var waited = TimeSpan.Zero; waited < pause; waited += KeyPoll)
        {
            while (System.Console.KeyAvailable)
                if (System.Console.ReadKey(intercept: true).KeyChar is 'q' or 'Q')
                    return true;
            if (size != (System.Console.WindowWidth, System.Console.WindowHeight))
            {
                size = (System.Console.WindowWidth, System.Console.WindowHeight);
                resized();
            }
            await Task.Delay(KeyPoll, stop).ConfigureAwait(false);
        }
        return false;
    }

    /// <summary>Every line is written over in one go: nothing flickers.</summary>
    private static void Draw(TextWriter output, TopFigures? figures, string problem)
    {
        if (figures is null)
            return;
        string footer = problem.Length > 0 ? "STALE: " + problem : "q quits";
        var lines = TopScreen.Lines(figures, System.Console.WindowWidth, System.Console.WindowHeight, footer);
        output.Write("\u001b[H" + string.Join("\u001b[K\r\n", lines) + "\u001b[J");
        output.Flush();
    }
}
