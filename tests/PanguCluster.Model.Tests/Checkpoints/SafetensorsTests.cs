using System.Buffers.Binary;
using System.Text;
using PanguCluster.Model.Checkpoints;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Packing;
using Xunit;

namespace PanguCluster.Model.Tests.Checkpoints;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "tensor b: data_offsets overlap tensor a")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}""", 16, "tensor b: data_offsets leave a hole")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "leave a hole after the header")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "truncated")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "1 bytes follow the last tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "tensor a: data_offsets span 8 bytes, but F32 [3] has 12")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807,4],"data_offsets":[0,8]}}""", 8, "tensor a: data_offsets span 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "tensor a: shape holds -2")]
    [InlineData("""{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}""", 8, "tensor a: dtype is 'F33'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "tensor a: data_offsets must be two ascending")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", 8, "tensor a: data_offsets must be two ascending")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", 8, "tensor a: data_offsets is missing")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}""", 8, "tensor a: x is not a field")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "not valid JSON")]
    [InlineData("""{"\ud800":{}}""", 0, "half a surrogate pair")]
    [InlineData("""{"a":7}""", 0, "tensor a: expected a JSON object")]
    [InlineData("""[1]""", 0, "header is no JSON object")]
    [InlineData("""{"a":""", 0, "not valid JSON")]
    public void Open_should_name_the_tensor_when_the_header_is_wrong(string header, int dataBytes, string expected)
    {
        string path = Write(Encoding.UTF8.GetByteCount(header), header, dataBytes);
        var e = Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(path));
        Assert.Contains(expected, e.Message);
        Assert.Contains("m.safetensors", e.Message);
    }

    [Theory]
    [InlineData(0, "header length is 0")]
    [InlineData(1000, "header length is 1000 bytes, the file has")]
    [InlineData(100_000_001, "header length is 100000001")]
    [InlineData(-1, "header length is 18446744073709551615")]
    public void Open_should_refuse_a_header_length_the_file_cannot_have(long length, string expected) =>
        Assert.Contains(expected, Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(Write(length, "{}", 0))).Message);

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Open_should_refuse_a_file_too_short_for_a_header(int bytes)
    {
        File.WriteAllBytes(_temp["m.safetensors"], new byte[bytes]);
        Assert.Contains("too short", Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(_temp["m.safetensors"])).Message);
    }

    [Fact]
    public void Open_should_never_throw_anything_else_when_bytes_are_damaged()
    {
        new TestCheckpoint(TestShapes.Odd with { Layers = 1, Experts = 4, Groups = 2, ExpertsPerToken = 2 }, ElementType.Bf16).Write(_temp["c"]);
        byte[] good = File.ReadAllBytes(Path.Combine(_temp["c"], "model.safetensors"));
        int header = (int)BinaryPrimitives.ReadInt64LittleEndian(good) + 8;
        for (int i = 0; i < header; i += 7)
        {
            byte[] bad = good[..];
            bad[i] ^= (byte)(1 << (i % 8));
            File.WriteAllBytes(_temp["m.safetensors"], bad);
            try
            {
                SafetensorsFile.Open(_temp["m.safetensors"]).Dispose();
            }
            catch (ModelFormatException)
            {
                continue; // refused with a clear error; anything else fails the test
            }
        }
    }

    private string Write(long headerLength, string header, int dataBytes)
    {
        string path = _temp["m.safetensors"];
        using var stream = File.Create(path);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, headerLength);
        stream.Write(length);
        stream.Write(Encoding.UTF8.GetBytes(header));
        stream.Write(new byte[dataBytes]);
        return path;
    }
}
