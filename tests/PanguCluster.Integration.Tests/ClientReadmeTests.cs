using PanguCluster.Chaos.Processes;
using System.Text.RegularExpressions;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

/// <summary>The program of the readme's section "From .NET", compiled and run as it stands but for the addresses.</summary>
public partial class ClientReadmeTests
{
    [Fact]
    public async Task Program_of_the_readme_should_run_against_a_cluster()
    {
        string readme = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"));
        string program = Program().Match(readme).Groups[1].Value;
        Assert.Contains("PanguClient.Connect(", program, StringComparison.Ordinal);
        await using var node = await ServeNode.StartReadyAsync("--model", Repository.Nano);
        string folder = Directory.CreateTempSubdirectory("pangu-readme-").FullName;
        string project = Path.Combine(Repository.Root, "src", "PanguCluster.Client");
        await File.WriteAllTextAsync(
            Path.Combine(folder, "program.cs"), $"#:project {project}\n#:property PublishAot=false\n{Address().Replace(program, node.Grpc)}");

        try
        {
            await using var running = RunningProgram.Start("dotnet", ["run", "-c", "Release", "program.cs"], folder);
            var ended = await running.EndAsync(TimeSpan.FromMinutes(3));

            Assert.True(ended.Code == 0, ended.Error + ended.Output);
            Assert.Matches(@"\n.*85.* \(\d+ tokens, Stop\)", ended.Output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [GeneratedRegex(@"127\.0\.0\.1:\d+")]
    private static partial Regex Address();

    [GeneratedRegex("## From \\.NET.*?```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Program();
}
