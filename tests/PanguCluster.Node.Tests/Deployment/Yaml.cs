using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace PanguCluster.Node.Tests.Deployment;

/// <summary>A node of a YAML file; a path that is not there fails with its name.</summary>
internal sealed class Yaml(YamlNode node)
{
    public Yaml this[string path] => path.Split('/').Aggregate(this, (at, name) => at.Child(name) ?? throw new KeyNotFoundException($"'{name}' of '{path}' is not there"));

    public string Text => ((YamlScalarNode)node).Value!;

    public int Number => int.Parse(Text, CultureInfo.InvariantCulture);

    public IEnumerable<Yaml> Items => ((YamlSequenceNode)node).Select(n => new Yaml(n));

    public Dictionary<string, string> Pairs => ((YamlMappingNode)node).ToDictionary(p => ((YamlScalarNode)p.Key).Value!, p => ((YamlScalarNode)p.Value).Value!);

    public static IEnumerable<Yaml> Documents(string file)
    {
        var stream = new YamlStream();
        using var text = File.OpenText(file);
        stream.Load(text);
        return [.. stream.Documents.Select(d => new Yaml(d.RootNode))];
    }

    private Yaml? Child(string name) => ((YamlMappingNode)node).Children.TryGetValue(new YamlScalarNode(name), out var child) ? new Yaml(child) : null;
}
