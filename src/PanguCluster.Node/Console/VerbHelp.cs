using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace PanguCluster.Node.Console;

/// <summary>Adds the example that the help of every verb ends with.</summary>
public static class VerbHelp
{
    /// <param name="command">The verb.</param>
    /// <param name="examples">Command lines as a user types them.</param>
    public static Command WithExamples(this Command command, params string[] examples)
    {
        var help = new HelpOption();
        help.Action = new ExampleAction((HelpAction)help.Action!, examples);
        command.Options.Add(help);
        return command;
    }

    private sealed class ExampleAction(HelpAction standard, IReadOnlyList<string> examples) : SynchronousCommandLineAction
    {
        /// <summary>Help is wanted just when a command line is not yet right.</summary>
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            int code = standard.Invoke(parseResult);
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine(examples.Count == 1 ? "Example:" : "Examples:");
            foreach (string example in examples)
                output.WriteLine("  " + example);
            return code;
        }
    }
}
