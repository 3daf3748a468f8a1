using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Fixtures;
using Xunit;

namespace PanguCluster.Native.Tests.Quality;

/// <summary>What 8-bit weights and activations cost in quality.</summary>
public sealed class QuantizationTests(ITestOutputHelper output)
{
    private static readonly NativeKernels _kernels = NativeKernels.Create();

    private static PackedModel Packed(PackFormat format) => TestModels.Packed("pangu-nano", format);

    [Fact]
    public void Prose_perplexity_should_be_within_one_percent_when_weights_are_8_bit()
    {
        double full = NanoExam.ProseNats(_kernels, Packed(PackFormat.Bf16), every: 4);
        double quantized = NanoExam.ProseNats(_kernels, Packed(PackFormat.W8A8), every: 4);
        output.WriteLine($"nats per token: bf16 {full:F5}, w8a8 {quantized:F5}, perplexity ratio {Math.Exp(quantized - full):F5}");
        // The model card's figure over all windows; a broken kernel is nats away.
        Assert.InRange(full, 3.7616 - 0.06, 3.7616 + 0.06);
        Assert.InRange(Math.Exp(quantized - full), 0.99, 1.01);
    }

    [Fact]
    public void Arithmetic_accuracy_should_be_within_one_point_when_weights_are_8_bit()
    {
        var (full, questions) = NanoExam.Arithmetic(_kernels, Packed(PackFormat.Bf16));
        var (quantized, _) = NanoExam.Arithmetic(_kernels, Packed(PackFormat.W8A8));
        output.WriteLine($"right of {questions}: bf16 {full}, w8a8 {quantized}");
        Assert.Equal(500, questions);
        Assert.InRange(full, 445, 453); // the card: 449
        Assert.InRange(quantized - full, -5, 5);
    }
}
