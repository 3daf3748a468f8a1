using System.CommandLine;
using PanguCluster.Node.Hosting;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu serve</c>: one node, until Ctrl-C or SIGTERM.</summary>
public static class ServeVerb
{
    public static Command Create()
    {
        var line = new ServeCommandLine();
        var command = new Command("serve", "run one node until Ctrl-C");
        line.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var options = line.Read(parsed);
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop);
            if (line.ExitsWithStdin(parsed))
                ParentWatch.CancelAtEnd(System.Console.OpenStandardInput(), ends);
            if (line.ExitsWithProcess(parsed) is { } other)
                ParentWatch.CancelWithProcess(other, ends);
            var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            using var backstop = StopBackstop.Arm(ends.Token, options.DrainTimeout, error);
            await NodeProcess.RunAsync(options, output, error, ends.Token).ConfigureAwait(false);
            return ExitCodes.Done;
        });
        return command.WithExamples(
            "pangu serve --model models/pangu-nano",
            "pangu serve --grpc 127.0.0.1:7540 --http 127.0.0.1:7541 --cluster 127.0.0.1:7542 --seed-node 127.0.0.1:7442");
    }
}
