using FsCheck;
using FsCheck.Xunit;
using PanguCluster.Client.Tests.Scripted;
using Xunit;

namespace PanguCluster.Client.Tests;

public class ScheduleTests
{
    private static readonly BreakKind[] Kinds =
        [BreakKind.CutConnection, BreakKind.Reset, BreakKind.Unavailable, BreakKind.Exhausted, BreakKind.Unavailable];

    /// <summary>Over real connections, with any breaks one after another.</summary>
    [Property(MaxTest = 40)]
    public void Answer_should_be_whole_when_its_calls_break_in_any_way(PositiveInt choices, bool echo, (byte Kind, byte After, byte Repeats)[] breaks)
    {
        int n = 1 + choices.Get % 3;
        Task.Run(async () =>
        {
            await using var servers = await Servers.StartAsync(2, new Script { RetryAfter = TimeSpan.FromMilliseconds(5) });
            foreach (var (kind, after, repeats) in breaks)
                servers.Script.Breaks.Enqueue(new Break(after % 20, Kinds[kind % Kinds.Length], repeats % 4));

            var events = await servers.GenerateAsync(n, echo);

            Assert.Equal(Answers.Picture(Answers.Make("s", 3, n, echo: echo)), Answers.Picture(events));
        }).GetAwaiter().GetResult();
    }
}
