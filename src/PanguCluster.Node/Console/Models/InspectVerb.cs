using System.CommandLine;
using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu inspect</c>: what a packed model is, and with <c>--verify</c> whether it is whole.</summary>
public static class InspectVerb
{
    public static Command Create()
    {
        var folder = new Argument<string>("DIR") { Description = "packed model" };
        var verify = new Option<bool>("--verify") { Description = "read every file and compare its SHA-256 with the manifest" };
        var format = Output.FormatOption("table", "json");
        var command = new Command("inspect", "shape, format, digests and sizes of a packed model") { folder, verify, format };
        command.SetAction((parsed, stop) =>
        {
            var model = PackedModel.Open(parsed.GetRequiredValue(folder));
            var verdicts = parsed.GetValue(verify)
                ? ProgressDisplay.Run(parsed.InvocationConfiguration.Error, "verifying", report => model.Verify(new PackReports(report), stop))
                : null;
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(format) == "json")
                output.WriteLine(ModelJson.Write(model, verdicts));
            else
                ModelTables.Write(Output.Console(output), model, verdicts);
            var damaged = verdicts?.FirstOrDefault(v => v.Problem is not null && !v.Missing);
            if (damaged is not null)
                throw new CommandFailedException(ExitCodes.Failed, damaged.Problem!);
            return Task.FromResult(ExitCodes.Done);
        });
        return command.WithExamples("pangu inspect /data/pangu-pro", "pangu inspect /data/pangu-pro --verify -o json");
    }
}
