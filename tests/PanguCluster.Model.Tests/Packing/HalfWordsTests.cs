using PanguCluster.Model.Packing;
using Xunit;

namespace PanguCluster.Model.Tests.Packing;

public sealed class HalfWordsTests
{
    /// <summary>Between every two neighbouring bf16 values: just below, at and just above the middle; ties go to the even one.</summary>
    [Fact]
    public void ToBf16_should_round_to_nearest_even_everywhere()
    {
        for (int bits = 0; bits < 0x10000; bits++)
        {
            ushort low = (ushort)bits;
            float value = HalfWords.FromBf16(low);
            if (float.IsNaN(value))
            {
                Assert.True(float.IsNaN(HalfWords.FromBf16(HalfWords.ToBf16(value))));
                continue;
            }
            Assert.Equal(low, HalfWords.ToBf16(value));
            if (float.IsInfinity(value))
                continue;
            uint full = (uint)bits << 16;
            ushort up = (ushort)(bits + 1); // next larger magnitude, infinity after the largest
            Assert.Equal(low, HalfWords.ToBf16(BitConverter.UInt32BitsToSingle(full + 0x7fff)));
            Assert.Equal(bits % 2 == 0 ? low : up, HalfWords.ToBf16(BitConverter.UInt32BitsToSingle(full + 0x8000)));
            Assert.Equal(up, HalfWords.ToBf16(BitConverter.UInt32BitsToSingle(full + 0x8001)));
        }
    }

    [Fact]
    public void ToBf16_should_keep_NaN_when_its_payload_is_in_the_low_bits() =>
        Assert.True(float.IsNaN(HalfWords.FromBf16(HalfWords.ToBf16(BitConverter.UInt32BitsToSingle(0x7f800001)))));
}
