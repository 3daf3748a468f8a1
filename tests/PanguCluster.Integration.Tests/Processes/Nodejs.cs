using PanguCluster.Chaos.Processes;
using System.ComponentModel;
using Xunit;

namespace PanguCluster.Integration.Tests.Processes;

/// <summary>Clients written for Node.js. A test that needs one is skipped where there is no Node.js, and fails in CI.</summary>
internal static class Nodejs
{
    /// <summary>Installs what the client in this folder needs.</summary>
    public static async Task InstallAsync(string folder)
    {
        foreach (string program in (string[])["node", "npm"])
            try
            {
                await RunAsync(folder, program, "--version");
            }
            catch (Win32Exception)
            {
                string sentence = $"{program} is not on the PATH: install Node.js 18 or later to test the foreign clients.";
                Assert.SkipWhen(Environment.GetEnvironmentVariable("CI") is null or "", sentence);
                Assert.Fail(sentence);
            }
        var installed = await RunAsync(folder, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline");
        Assert.True(installed.Code == 0, $"npm ci ended with {installed.Code}: {installed.Error}");
    }

    public static async Task<Ended> RunAsync(string folder, string program, params string[] arguments)
    {
        await using var running = RunningProgram.Start(program, arguments, folder);
        return await running.EndAsync(TimeSpan.FromSeconds(120));
    }
}
