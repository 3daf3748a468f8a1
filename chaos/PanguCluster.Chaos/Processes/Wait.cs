
namespace PanguCluster.Chaos.Processes;

internal static class Wait
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits for a condition, and fails with the picture when the limit passes.</summary>
    public static Task UntilAsync(Func<bool> condition, TimeSpan limit, Func<string> picture) =>
        UntilAsync(() => Task.FromResult(condition()), limit, picture);

    /// <summary>Waits for a condition, and fails with the picture when the limit passes.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, TimeSpan limit, Func<string> picture)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(start) > limit)
                throw new TimeoutException($"Not within {limit.TotalSeconds:0} s. {picture()}");
            await Task.Delay(Poll);
        }
    }
}
