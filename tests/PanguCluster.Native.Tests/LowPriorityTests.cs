using System.Globalization;
using Xunit;

namespace PanguCluster.Native.Tests;

/// <summary>One after the other: they look at every thread of the process.</summary>
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

    [Fact]
    public void Lower_should_reach_the_compilers_threads_and_no_others()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "threads have a priority of their own on Linux only");
        using var end = new ManualResetEventSlim();
        var compiler = new Thread(end.Wait) { Name = CompilerThreads.Name };
        var other = new Thread(end.Wait) { Name = "other" };
        compiler.Start();
        other.Start();
        try
        {
            int before = NiceOf("other");
            CompilerThreads.Lower();
            CompilerThreads.Lower();
            Assert.Equal(CompilerThreads.Nice, NiceOf(CompilerThreads.Name));
            Assert.Equal(before, NiceOf("other"));
        }
        finally
        {
            end.Set();
            compiler.Join();
            other.Join();
        }
    }

    private static int NiceOf(string thread) => LinuxThread.All().Where(t => t.Name == thread).Select(t => t.Nice).Distinct().Single();

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
