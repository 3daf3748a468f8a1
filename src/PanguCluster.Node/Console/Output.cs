using System.CommandLine;
using Google.Protobuf;
using Spectre.Console;

namespace PanguCluster.Node.Console;

/// <summary>How verbs print data: a table for people, or the proto's JSON with its own snake_case names.</summary>
public static class Output
{
    /// <summary>Wide enough that no row of a table is broken: a terminal folds a long line itself, and a row stays one line for grep.</summary>
    private const int Width = 400;

    private static readonly JsonFormatter Formatter =
        new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true).WithPreserveProtoFieldNames(true));

    /// <summary><c>-o</c>, one of the given formats; the first is the default.</summary>
    public static Option<string> FormatOption(params string[] formats)
    {
        var option = new Option<string>("--output", "-o")
        {
            Description = "output format", DefaultValueFactory = _ => formats[0], HelpName = string.Join('|', formats),
        };
        option.AcceptOnlyFromAmong(formats);
        return option;
    }

    /// <summary>One line of JSON, in the standard mapping of protobuf: 64-bit integers are strings, enums are names.</summary>
    public static string Json(IMessage message) => Formatter.Format(message);

    /// <summary>A console that writes to <paramref name="writer"/>: no colour into pipes or under NO_COLOR.</summary>
    public static IAnsiConsole Console(TextWriter writer)
    {
        bool terminal = ReferenceEquals(writer, System.Console.Out) && !System.Console.IsOutputRedirected;
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = InteractionSupport.No,
        });
        console.Profile.Width = Width;
        return console;
    }

    /// <summary>A plain table: what the columns hold is clear without lines, and grep and awk can read it.</summary>
    public static Table Table(params string[] columns)
    {
        var table = new Table().Border(TableBorder.None);
        foreach (string column in columns)
            table.AddColumn(new TableColumn(new Text(column.ToUpperInvariant())).NoWrap().PadLeft(0).PadRight(3));
        return table;
    }

    public static void Row(this Table table, params string[] cells) => table.AddRow(cells.Select(c => new Text(c)));
}
