using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Checkpoints;

/// <summary>One tensor as a safetensors header describes it.</summary>
/// <param name="DataType">The header's dtype: BF16, F16, F32, ...</param>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="Offset">From the start of the file, bytes.</param>
/// <param name="Bytes">Always the product of the shape times the element size.</param>
public sealed record TensorInfo(string Name, string DataType, IReadOnlyList<long> Shape, long Offset, long Bytes)
{
    /// <summary>The element type, or null for a type that no weight may have.</summary>
    public ElementType? Element => DataType switch
    {
        "BF16" => ElementType.Bf16,
        "F16" => ElementType.F16,
        "F32" => ElementType.F32,
        _ => null,
    };

    public string ShapeText => "[" + string.Join(", ", Shape) + "]";

    /// <summary>Bytes of one element of a dtype of the format, 0 for an unknown name.</summary>
    internal static int SizeOf(string dataType) => dataType switch
    {
        "BOOL" or "U8" or "I8" or "F8_E4M3" or "F8_E5M2" or "F8_E8M0" => 1,
        "U16" or "I16" or "F16" or "BF16" => 2,
        "U32" or "I32" or "F32" => 4,
        "U64" or "I64" or "F64" => 8,
        _ => 0,
    };
}
