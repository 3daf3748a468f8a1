using System.CommandLine;
using System.Globalization;
using PanguCluster.Node.Console;
using PanguCluster.Node.Options;
using Xunit;

namespace PanguCluster.Node.Tests.Deployment;

/// <summary>The manifests of cluster-config/kubernetes say what this program understands, and nothing in them contradicts the rest.</summary>
public sealed class KubernetesTests
{
    /// <summary>What a node takes after draining: streams' grace, leaving the cluster, closing. After that it ends itself.</summary>
    private const int LeavingSeconds = 30;

    private static readonly Yaml[] All = [.. Directory.GetFiles(Folder(), "*.yaml").Order(StringComparer.Ordinal).SelectMany(Yaml.Documents)];
    private static readonly Yaml Set = Of("StatefulSet", "pangu");
    private static readonly Yaml Pod = Set["spec/template/spec"];
    private static readonly Yaml Container = Pod["containers"].Items.Single();

    [Fact]
    public void Arguments_should_be_options_of_serve()
    {
        var options = Options("pangu-1");
        Assert.Equal(("pangu-1", "pangu-1.pangu"), (options.NodeId, options.Advertise));
        Assert.True(options.Security is { HasTls: true, HasClusterTls: true, ApiKeys: not null });
        Assert.Equal("/data", options.Data);
    }

    [Fact]
    public void First_seed_should_be_the_first_pod_as_it_calls_itself()
    {
        var options = Options("pangu-0");
        Assert.Equal($"{options.Advertise}:{options.Cluster.Port}", options.SeedNodes[0]);
        Assert.Equal(Set["spec/serviceName"].Text, Of("Service", "pangu")["metadata/name"].Text);
        Assert.All(options.SeedNodes, seed => Assert.EndsWith($".{Set["spec/serviceName"].Text}:{options.Cluster.Port}", seed, StringComparison.Ordinal));
        Assert.True(options.SeedNodes.Count <= Set["spec/replicas"].Number && options.MinExpertNodes <= Set["spec/replicas"].Number);
    }

    [Fact]
    public void Names_should_resolve_before_pods_are_ready()
    {
        var headless = Of("Service", "pangu")["spec"];
        Assert.Equal(("None", "true"), (headless["clusterIP"].Text, headless["publishNotReadyAddresses"].Text));
    }

    [Fact]
    public void Ports_and_probes_should_be_those_of_the_arguments()
    {
        var options = Options("pangu-0");
        var ports = new Dictionary<string, int> { ["grpc"] = options.Grpc.Port, ["http"] = options.Http.Port, ["cluster"] = options.Cluster.Port };
        Assert.All(Container["ports"].Items, p => Assert.Equal(ports[p["name"].Text], p["containerPort"].Number));
        foreach (var service in All.Where(d => d["kind"].Text == "Service"))
            Assert.All(service["spec/ports"].Items, p => Assert.Equal(ports[p["name"].Text], p["port"].Number));
        foreach (var (probe, path) in (ReadOnlySpan<(string, string)>)[("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")])
        {
            var get = Container[probe + "/httpGet"];
            Assert.Equal((path, options.Http.Port, "HTTPS"), (get["path"].Text, get["port"].Number, get["scheme"].Text));
        }
    }

    [Fact]
    public void Grace_period_should_be_longer_than_all_that_a_node_does_at_its_end()
    {
        double drain = Options("pangu-0").DrainTimeout.TotalSeconds;
        int wait = int.Parse(Container["lifecycle/preStop/exec/command"].Items.Last().Text, CultureInfo.InvariantCulture);
        Assert.True(Pod["terminationGracePeriodSeconds"].Number > wait + drain + LeavingSeconds);
    }

    [Fact]
    public void Selectors_should_be_the_labels_of_the_pods()
    {
        var labels = Set["spec/template/metadata/labels"].Pairs;
        Assert.Equal(labels, Set["spec/selector/matchLabels"].Pairs);
        Assert.Equal(labels, Of("PodDisruptionBudget", "pangu")["spec/selector/matchLabels"].Pairs);
        Assert.Equal(labels, Of("Service", "pangu")["spec/selector"].Pairs);
        Assert.Equal(labels, Of("Service", "pangu-api")["spec/selector"].Pairs);
        Assert.Equal(1, Of("PodDisruptionBudget", "pangu")["spec/maxUnavailable"].Number);
    }

    [Fact]
    public void Mounts_should_have_volumes_and_hold_every_file_of_the_arguments()
    {
        var volumes = Pod["volumes"].Items.Select(v => v["name"].Text).Concat(Set["spec/volumeClaimTemplates"].Items.Select(v => v["metadata/name"].Text)).ToHashSet();
        Assert.All(Container["volumeMounts"].Items, m => Assert.Contains(m["name"].Text, volumes));
        string[] mounts = [.. Container["volumeMounts"].Items.Select(m => m["mountPath"].Text)];
        var paths = Arguments("pangu-0").Select(a => a[(a.IndexOf('=', StringComparison.Ordinal) + 1)..]).Where(a => a.StartsWith('/'));
        Assert.All(paths, p => Assert.Contains(mounts, m => p == m || p.StartsWith(m + "/", StringComparison.Ordinal)));
    }

    [Fact]
    public void Container_should_run_with_as_few_rights_as_it_needs()
    {
        var security = Container["securityContext"];
        Assert.Equal(("false", "true", "true"), (
            security["allowPrivilegeEscalation"].Text, security["readOnlyRootFilesystem"].Text, Pod["securityContext/runAsNonRoot"].Text));
        Assert.Equal(["ALL"], security["capabilities/drop"].Items.Select(i => i.Text));
    }

    /// <summary>As a pod would read them, but for files, which are not here.</summary>
    private static ServeOptions Options(string pod)
    {
        var folder = Directory.CreateTempSubdirectory("pangu-options-");
        try
        {
            string file = Path.Combine(folder.FullName, "serve.json");
            File.WriteAllText(file, "{}");
            var line = new ServeCommandLine();
            var command = new Command("serve");
            line.AddTo(command);
            string[] arguments = [.. Arguments(pod).Skip(1).Select(a => Here(a, folder.FullName, file))];
            var parsed = command.Parse(arguments);
            Assert.Empty(parsed.Errors);
            return line.Read(parsed);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Here(string argument, string folder, string file)
    {
        string name = argument.Split('=')[0];
        return name == "--model" ? $"{name}={folder}" : argument.Contains("=/etc/", StringComparison.Ordinal) ? $"{name}={file}" : argument;
    }

    private static IEnumerable<string> Arguments(string pod) => Container["args"].Items.Select(a => a.Text.Replace("$(POD_NAME)", pod, StringComparison.Ordinal));

    private static Yaml Of(string kind, string name) => All.Single(d => d["kind"].Text == kind && d["metadata/name"].Text == name);

    private static string Folder()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "PanguCluster.sln")))
            folder = folder.Parent;
        return Path.Combine(folder.FullName, "cluster-config", "kubernetes");
    }
}
