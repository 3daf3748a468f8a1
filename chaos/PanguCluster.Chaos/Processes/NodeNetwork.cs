using System.Diagnostics;
using System.Globalization;

namespace PanguCluster.Chaos.Processes;

/// <summary>Where a node is in a test's own network.</summary>
/// <param name="Namespace">Null: the machine's own, which has a leg in the network.</param>
internal sealed record NetworkPlace(string Address, string? Namespace)
{
    /// <summary>A machine of its own is a name of its own too, or nodes would find each other's Unix-domain sockets.</summary>
    public RunningProgram Run(string program, IEnumerable<string> arguments) => Namespace is null
        ? RunningProgram.Start(program, arguments)
        : RunningProgram.Start("ip", ["netns", "exec", Namespace, "unshare", "--uts", "sh", "-c", "hostname \"$0\" && exec \"$@\"", Namespace, program, .. arguments]);
}

/// <summary>
/// Namespaces on a bridge, each a machine as far as its network is concerned. The first place is the machine's own namespace, so that the test reaches the node
/// there. Needs root and Debian's iproute2. Nodes outside loopback must have certificates: one for all places.
/// </summary>
internal sealed class NodeNetwork : IAsyncDisposable
{
    private const string Switch = "switch";

    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"pg{Environment.ProcessId}");
    private readonly string _certificates = Directory.CreateTempSubdirectory("pangu-network-").FullName;
    private readonly List<string> _namespaces = [];
    private readonly List<NetworkPlace> _places = [];

    private NodeNetwork()
    {
    }

    public IReadOnlyList<NetworkPlace> Places => _places;

    public string[] Credentials =>
        ["--cluster-cert", Certificate("node-1.crt"), "--cluster-key", Certificate("node-1.key"), "--cluster-ca", Certificate("ca.crt")];

    public static async Task<NodeNetwork> CreateAsync(int places)
    {
        var network = new NodeNetwork();
        try
        {
            await network.BuildAsync(places);
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>From now on nothing reaches the place or leaves it, and nobody is told so.</summary>
    public void Cut(int place) => Ip("-n", Namespace(Switch), "link", "set", Port(place), "down");

    public void Mend(int place) => Ip("-n", Namespace(Switch), "link", "set", Port(place), "up");

    public ValueTask DisposeAsync()
    {
        // The legs of a namespace go with it.
        foreach (string name in _namespaces)
            Ip("netns", "delete", name);
        Directory.Delete(_certificates, recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task BuildAsync(int places)
    {
        Add(Namespace(Switch));
        Ip("-n", Namespace(Switch), "link", "add", "bridge", "type", "bridge");
        Ip("-n", Namespace(Switch), "link", "set", "bridge", "up");
        // Another run of the tests has another process id, and so another network.
        string prefix = string.Create(CultureInfo.InvariantCulture, $"10.{200 + Environment.ProcessId / 250 % 50}.{Environment.ProcessId % 250}.");
        for (int i = 0; i < places; i++)
        {
            string? place = i == 0 ? null : Namespace(i.ToString(CultureInfo.InvariantCulture));
            string address = prefix + (i + 1).ToString(CultureInfo.InvariantCulture);
            if (place is not null)
                Add(place);
            string leg = _name + "-" + i.ToString(CultureInfo.InvariantCulture);
            Ip("link", "add", leg, "type", "veth", "peer", "name", Port(i), "netns", Namespace(Switch));
            Ip("-n", Namespace(Switch), "link", "set", Port(i), "master", "bridge", "up");
            if (place is not null)
                Ip("link", "set", leg, "netns", place);
            string[] there = place is null ? [] : ["-n", place];
            Ip([.. there, "address", "add", address + "/24", "dev", leg]);
            Ip([.. there, "link", "set", leg, "up"]);
            _places.Add(new NetworkPlace(address, place));
        }
        var made = await RunningProgram.RunPanguAsync("certs", _certificates, "--nodes", "1", "--hosts", string.Join(',', _places.Select(p => p.Address)));
        if (made.Code != 0)
            throw new InvalidOperationException(made.Error);
    }

    private void Add(string name)
    {
        Ip("netns", "add", name);
        _namespaces.Add(name);
        Ip("-n", name, "link", "set", "lo", "up");
    }

    private string Namespace(string what) => $"{_name}-{what}";

    private string Certificate(string file) => Path.Combine(_certificates, file);

    private static string Port(int place) => "port" + place.ToString(CultureInfo.InvariantCulture);

    private static void Ip(params string[] arguments)
    {
        using var ip = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
        string error = ip.StandardError.ReadToEnd();
        ip.WaitForExit();
        if (ip.ExitCode != 0)
            throw new InvalidOperationException($"ip {string.Join(' ', arguments)} ended with {ip.ExitCode}: {error}");
    }
}
