using System.Text.Json;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Checkpoints;

/// <summary>The JSON header of a safetensors file, checked against the size of the file it came from.</summary>
internal static class SafetensorsHeader
{
    private const int MaxDimensions = 8;
    private const int MaxNameLength = 512;

    /// <param name="dataStart">Where the data begins in the file, bytes.</param>
    /// <exception cref="ModelFormatException">Names the tensor and the field.</exception>
    public static Dictionary<string, TensorInfo> Parse(string path, byte[] header, long dataStart, long fileBytes)
    {
        using var document = JsonFields.Parse($"{path}: header", header);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new ModelFormatException($"{path}: header is no JSON object");
        var tensors = new Dictionary<string, TensorInfo>(StringComparer.Ordinal);
        foreach (var property in document.RootElement.EnumerateObject())
            if (property.Name != "__metadata__")
                tensors.Add(property.Name, ParseTensor(path, property.Name, property.Value, dataStart));
        CheckCoverage(path, tensors.Values, dataStart, fileBytes);
        return tensors;
    }

    private static TensorInfo ParseTensor(string path, string name, JsonElement element, long dataStart)
    {
        if (name.Length > MaxNameLength)
            throw new ModelFormatException($"{path}: a tensor name of {name.Length} characters: at most {MaxNameLength}");
        var fields = new JsonFields($"{path}: tensor {name}", element);
        string type = fields.Text("dtype", 32);
        int size = TensorInfo.SizeOf(type);
        if (size == 0)
            throw fields.Bad("dtype", $"is '{type}': no type of the safetensors format");
        var shape = fields.Array("shape", MaxDimensions).Select(e => Whole(fields, "shape", e)).ToArray();
        var offsets = fields.Array("data_offsets", 2).Select(e => Whole(fields, "data_offsets", e)).ToArray();
        fields.RefuseOthers();
        if (offsets.Length != 2 || offsets[0] > offsets[1])
            throw fields.Bad("data_offsets", "must be two ascending numbers");
        UInt128 bytes = (UInt128)size;
        foreach (long dimension in shape)
            bytes = dimension == 0 ? 0 : bytes > ulong.MaxValue ? bytes : bytes * (UInt128)dimension;
        long given = offsets[1] - offsets[0];
        if (bytes != (UInt128)given)
            throw fields.Bad("data_offsets", $"span {given} bytes, but {type} [{string.Join(", ", shape)}] has {bytes}");
        if (offsets[1] > long.MaxValue - dataStart)
            throw fields.Bad("data_offsets", "are out of range");
        return new TensorInfo(name, type, shape, dataStart + offsets[0], given);
    }

    private static long Whole(JsonFields fields, string name, JsonElement element) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out long value) && value >= 0
            ? value
            : throw fields.Bad(name, $"holds {JsonFields.Show(element)}: expected whole numbers from 0");

    /// <summary>The tensors must tile the data exactly: no overlap, no hole, nothing after the last (the format demands it).</summary>
    private static void CheckCoverage(string path, IEnumerable<TensorInfo> tensors, long dataStart, long fileBytes)
    {
        long at = dataStart;
        string before = "the header";
        foreach (var tensor in tensors.OrderBy(t => t.Offset).ThenBy(t => t.Bytes))
        {
            if (tensor.Offset < at)
                throw new ModelFormatException($"{path}: tensor {tensor.Name}: data_offsets overlap {before}");
            if (tensor.Offset > at)
                throw new ModelFormatException($"{path}: tensor {tensor.Name}: data_offsets leave a hole after {before}");
            at = tensor.Offset + tensor.Bytes;
            if (at > fileBytes)
                throw new ModelFormatException(
                    $"{path}: tensor {tensor.Name}: data_offsets end at byte {at}, the file has {fileBytes}: truncated download?");
            before = "tensor " + tensor.Name;
        }
        if (at != fileBytes)
            throw new ModelFormatException($"{path}: {fileBytes - at} bytes follow the last tensor");
    }
}
