using System.Globalization;
using Xunit;

namespace PanguCluster.Native.Tests;

public sealed class LowPriorityTests
{
    [Fact]
    public void Threads_should_go_down_and_come_back_or_be_left_alone_when_they_could_not()
    {
        int[] before = Nices();
        using var end = new ManualResetEventSlim();
        var thread = new Thread(end.Wait);
        var low = LowPriority.Take(3);
        thread.Start();
        try
        {
            if (low is null)
            {
                Assert.Equal(before.Max(), Nices().Max());
                return;
            }
            Assert.All(Nices(), n => Assert.Equal(Math.Min(before[0] + 3, LowPriority.MaxNice), n));
            low.Dispose();
            Assert.All(Nices(), n => Assert.Equal(before[0], n));
        }
        finally
        {
            end.Set();
            thread.Join();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    public void Steps_out_of_range_should_be_refused(int by) => Assert.Throws<ArgumentOutOfRangeException>(() => LowPriority.Take(by));

    private static int[] Nices() =>
    [
        .. Directory.GetDirectories("/proc/self/task").Select(t => Path.Combine(t, "stat")).Where(File.Exists)
            .Select(f => File.ReadAllText(f)).Select(s => int.Parse(s[(s.LastIndexOf(')') + 2)..].Split(' ')[16], CultureInfo.InvariantCulture)),
    ];
}
