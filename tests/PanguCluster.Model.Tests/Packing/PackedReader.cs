using System.Buffers.Binary;
using PanguCluster.Model.Packing;

namespace PanguCluster.Model.Tests.Packing;

/// <summary>Reads single weights of a packed file by the words of <see cref="PanelTensor"/>, independently of the writer.</summary>
internal sealed class PackedReader(string path)
{
    private readonly byte[] _bytes = File.ReadAllBytes(path);

    public float F32(long offset, int i) => BinaryPrimitives.ReadSingleLittleEndian(_bytes.AsSpan((int)offset + i * 4));
    public double F64(long offset, int i) => BinaryPrimitives.ReadDoubleLittleEndian(_bytes.AsSpan((int)offset + i * 8));
    public ushort U16(long offset, long i) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan((int)(offset + i * 2)));

    /// <param name="up">The second matrix of a paired tensor.</param>
    /// <returns>The bits of a 16-bit weight.</returns>
    public ushort Half(PanelTensor t, int output, int input, bool up = false) => U16(At(t, output, up) + ((long)input * 64 + output % 64) * 2, 0);

    public float Float(PanelTensor t, int output, int input) => F32(At(t, output, false) + ((long)input * 64 + output % 64) * 4, 0);

    public int Quantized(PanelTensor t, int output, int input, bool up = false) =>
        _bytes[At(t, output, up) + input / 4 * 256 + output % 64 * 4 + input % 4] - 128;

    /// <summary>A 4-bit weight.</summary>
    public int Nibble(PanelTensor t, int output, int input, bool up = false)
    {
        byte pair = _bytes[Group(t, output, input, up) + 128 + input % 128 / 8 * 256 + output % 64 * 4 + input % 4];
        return (input % 8 < 4 ? pair & 15 : pair >> 4) - 8;
    }

    /// <summary>The scale of the 4-bit weight's group.</summary>
    public float GroupScale(PanelTensor t, int output, int input, bool up = false) =>
        HalfWords.FromBf16(U16(Group(t, output, input, up) + output % 64 * 2, 0));

    public float Scale(PanelTensor t, int output, bool up = false) => F32(t.ScalesOffset, Panel(t, output, up) * 64 + output % 64);

    public float Bias(PanelTensor t, int output) => F32(t.BiasOffset, output);

    private static long At(PanelTensor t, int output, bool up) => t.Offset + Panel(t, output, up) * t.PanelBytes;

    private static long Group(PanelTensor t, int output, int input, bool up) => At(t, output, up) + input / 128 * (128 + 64 * 64);

    private static int Panel(PanelTensor t, int output, bool up) => output / 64 * (t.Paired ? 2 : 1) + (up ? 1 : 0);
}
