namespace PanguCluster.Node.Console;

/// <summary>What every verb that changes something does first: says what it will do, and asks.</summary>
public static class Confirmation
{
    /// <param name="talk">Where to say it.</param>
    /// <param name="plan">What will be done; a line, or several.</param>
    /// <exception cref="CommandFailedException">No, or nobody to ask.</exception>
    public static async Task AskAsync(TextWriter talk, string plan, bool yes, CancellationToken stop)
    {
        await talk.WriteLineAsync(plan).ConfigureAwait(false);
        if (yes)
            return;
        if (System.Console.IsInputRedirected)
            throw new CommandFailedException(ExitCodes.Usage, "nothing is done: there is nobody to ask; --yes goes on without asking");
        await talk.WriteAsync("go on? [y/N] ").ConfigureAwait(false);
        await talk.FlushAsync(stop).ConfigureAwait(false);
        string? answer = await System.Console.In.ReadLineAsync(stop).AsTask().WaitAsync(stop).ConfigureAwait(false);
        if (answer?.Trim() is not ("y" or "Y" or "yes"))
            throw new CommandFailedException(ExitCodes.Failed, "nothing is done");
    }
}
