using System.Text.Json;
using System.Text.Json.Nodes;
using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Console;

/// <summary>A packed model as one JSON object: the manifest's own fields, sizes, and the state of every file.</summary>
internal static class ModelJson
{
    public static string Write(PackedModel model, IReadOnlyList<FileVerdict>? verdicts)
    {
        var root = JsonNode.Parse(ManifestJson.Write(model.Manifest))!.AsObject();
        root["folder"] = model.Folder;
        root["trunk_bytes"] = model.Trunk.Length;
        root["group_bytes"] = model.Group.Length;
        foreach (var file in root["files"]!.AsArray())
            file!["state"] = ModelTables.StateOf(model, file["name"]!.GetValue<string>(), verdicts);
        return root.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }
}
