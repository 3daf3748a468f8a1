using System.CommandLine;
using System.Net;
using System.Text.Json;
using PanguCluster.Node.Options;
using PanguCluster.Node.Security;

namespace PanguCluster.Node.Console;

/// <summary><c>pangu certs</c>: an authority of one's own, with certificates for nodes and callers.</summary>
public static class CertsVerb
{
    private const int MaxNodes = 256;
    private const int MaxDays = 3650;

    public static Command Create()
    {
        var folder = new Argument<string>("DIR") { Description = "folder to write to; what is there is never replaced" };
        var hosts = new Option<string[]>("--hosts")
        {
            Description = "DNS names and IP addresses of the nodes, separated by commas", HelpName = "HOST,HOST,...",
            DefaultValueFactory = _ => ["localhost,127.0.0.1,::1"],
        };
        var nodes = new Option<int>("--nodes") { Description = "number of node certificates", DefaultValueFactory = _ => 3, HelpName = "N" };
        var days = new Option<int>("--days") { Description = "how long they are valid", DefaultValueFactory = _ => 365, HelpName = "D" };
        var format = Output.FormatOption("text", "json");
        var command = new Command("certs", "make a development authority (ECDSA P-256), and certificates for nodes, a client and an operator")
        {
            folder, hosts, nodes, days, format,
        };
        command.SetAction(parsed =>
        {
            string[] names = [.. parsed.GetValue(hosts)!.SelectMany(h => h.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];
            if (names.Length == 0 || names.FirstOrDefault(n => !IsHost(n)) is not null)
                throw new OptionException($"--hosts {string.Join(',', names)}: expected DNS names and IP addresses, separated by commas");
            int count = ServeOptions.InRange("--nodes", parsed.GetValue(nodes), 1, MaxNodes);
            int valid = ServeOptions.InRange("--days", parsed.GetValue(days), 1, MaxDays);
            string path = parsed.GetRequiredValue(folder);
            var files = CertificateFolder.Write(path, names, count, TimeSpan.FromDays(valid), TimeProvider.System);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(format) == "json")
                output.WriteLine(JsonSerializer.Serialize(new { folder = path, hosts = names, days = valid, files }));
            else
                output.WriteLine(HowToUse(path, files.Count));
            return ExitCodes.Done;
        });
        return command.WithExamples("pangu certs certs --hosts node1.example.org,10.0.0.5 --nodes 3", "pangu certs certs -o json");
    }

    private static bool IsHost(string name) => IPAddress.TryParse(name, out _) || Uri.CheckHostName(name) == UriHostNameType.Dns;

    private static string HowToUse(string folder, int files)
    {
        string In(string file) => Path.Combine(folder, file);
        return $"""
            {files} files are in {folder}. Keep {In("ca.key")} off the nodes: whoever has it can make nodes.

            a node:    pangu serve --cluster-cert {In("node-1.crt")} --cluster-key {In("node-1.key")} --cluster-ca {In("ca.crt")} \
                         --tls-cert {In("node-1.crt")} --tls-key {In("node-1.key")} --tls-client-ca {In("ca.crt")} \
                         --grpc 0.0.0.0:7440 --http 0.0.0.0:7441 --cluster 0.0.0.0:7442 --advertise HOST
            a client:  pangu generate "Once upon a time" --server HOST:7440 --ca {In("ca.crt")} --client-cert {In("client.crt")} --client-key {In("client.key")}
            operator:  pangu status --server HOST:7440 --ca {In("ca.crt")} --client-cert {In("operator.crt")} --client-key {In("operator.key")}
            """;
    }
}
