using System.Diagnostics;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Native.Tests;

/// <summary>The C++ tests, so that one command runs everything. The build of this project builds them.</summary>
public sealed class CTestTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task CTest_should_pass()
    {
        var (code, output) = await RunAsync("ctest", ["--test-dir", RepositoryFolder.Path("native", "build"), "--output-on-failure", "--no-tests=error"]);
        Assert.True(code == 0, output);
        Assert.Contains("100% tests passed", output, StringComparison.Ordinal);
    }

    /// <summary>The environment variable is read by the native library itself, so only a new process sees it.</summary>
    [Theory]
    [InlineData("portable", 0)]
    [InlineData("avx1024", 1)]
    public async Task Forced_instruction_set_should_reach_a_new_process(string isa, int expected)
    {
        var (code, output) = await RunAsync(
            RepositoryFolder.Path("native", "build", "test", "active_isa"), [isa], ("PANGU_FORCE_ISA", isa));
        Assert.True(code == expected, output);
    }

    private static async Task<(int Code, string Output)> RunAsync(string program, string[] arguments, (string Name, string Value)? variable = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (variable is { } v)
            start.Environment[v.Name] = v.Value;
        using var process = Process.Start(start)!;
        using var deadline = new CancellationTokenSource(_limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var error = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            return (process.ExitCode, await output + await error);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
