using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Checkpoints;
using PanguCluster.Model.Tests.Tokenization;
using Xunit;

namespace PanguCluster.Model.Tests.Packing;

/// <summary>What a pack refuses, and what it leaves behind when it does not finish.</summary>
public sealed class PackSafetyTests : IDisposable
{
    private readonly TempFolder _temp = new();
    private readonly TestCheckpoint _checkpoint = new(TestShapes.Odd, ElementType.Bf16);

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData(ElementType.Bf16, PackFormat.Bf16, float.NaN)]
    [InlineData(ElementType.Bf16, PackFormat.W8A8, float.PositiveInfinity)]
    [InlineData(ElementType.F16, PackFormat.Bf16, float.NegativeInfinity)]
    [InlineData(ElementType.F32, PackFormat.W8A8, float.NaN)]
    [InlineData(ElementType.F32, PackFormat.Bf16, float.NaN)]
    public void Pack_should_name_tensor_and_index_when_a_weight_is_not_finite(ElementType type, PackFormat format, float value)
    {
        // First, middle and last element: of vectors of odd length, of a matrix read in one strip, and of one read in two.
        foreach (var (name, part) in ((string, int)[])[
            ("model.layers.1.mlp.experts.7.up_proj.weight", 0), ("model.layers.0.mlp.router_scale", 2), ("model.embed_tokens.weight", 1), ("lm_head.weight", 2)])
        {
            var checkpoint = new TestCheckpoint(TestShapes.Odd, type);
            int index = (checkpoint.Tensors[name].Data.Length / type.Size() - 1) * part / 2;
            TestCheckpoint.Put(checkpoint.Tensors[name].Data, index, type, value);
            checkpoint.Write(_temp["src"]);
            var e = Assert.Throws<ModelFormatException>(() => Packer.Pack(_temp["src"], _temp["dst"], new PackOptions(format)));
            Assert.Contains($"tensor {name}[{index}] is NaN or infinite", e.Message);
            Assert.Equal([_temp["src"]], Directory.GetFileSystemEntries(_temp.Root));
        }
    }

    [Fact]
    public void Pack_should_refuse_a_value_when_it_is_too_large_for_bf16()
    {
        var checkpoint = new TestCheckpoint(TestShapes.Odd, ElementType.F32);
        TestCheckpoint.Put(checkpoint.Tensors["lm_head.weight"].Data, 9, ElementType.F32, float.MaxValue);
        checkpoint.Write(_temp["src"]);
        var e = Assert.Throws<ModelFormatException>(() => Packer.Pack(_temp["src"], _temp["dst"], new PackOptions()));
        Assert.Contains("tensor lm_head.weight[9]", e.Message);
    }

    [Fact]
    public void Pack_should_refuse_mixed_16_bit_types_only_when_the_format_keeps_them()
    {
        const string Name = "model.layers.0.self_attn.o_proj.weight";
        _checkpoint.Tensors[Name] = TestCheckpoint.Values(Name, ElementType.F16, 72, 72);
        _checkpoint.Write(_temp["src"]);
        Assert.Contains(Name, Assert.Throws<ModelFormatException>(() => Packer.Pack(_temp["src"], _temp["dst"], new PackOptions())).Message);
        Packer.Pack(_temp["src"], _temp["dst"], new PackOptions(PackFormat.W8A8));
    }

    [Fact]
    public void Pack_should_refuse_a_tokenizer_of_another_model()
    {
        _checkpoint.Write(_temp["src"]);
        foreach (string file in (string[])["tokenizer.model", "tokenizer_config.json"])
            File.Copy(Path.Combine(Models.Nano, file), Path.Combine(_temp["src"], file));
        var e = Assert.Throws<ModelFormatException>(() => Packer.Pack(_temp["src"], _temp["dst"], new PackOptions()));
        Assert.Contains("the tokenizer has 4096 tokens, config.json has vocab_size 70", e.Message);
    }

    [Fact]
    public void Pack_should_refuse_an_occupied_destination_and_replace_only_when_asked()
    {
        _checkpoint.Write(_temp["src"]);
        Directory.CreateDirectory(_temp["dst"]);
        File.WriteAllText(Path.Combine(_temp["dst"], "letter.txt"), "precious");
        foreach (bool overwrite in (bool[])[false, true])
            Assert.Contains("is no packed model", Refused(overwrite));
        Assert.True(File.Exists(Path.Combine(_temp["dst"], "letter.txt")));
        File.Delete(Path.Combine(_temp["dst"], "letter.txt"));

        string first = Packer.Pack(_temp["src"], _temp["dst"], new PackOptions()).Manifest.Digest;
        Assert.Contains("--overwrite", Refused(false));
        string second = Packer.Pack(_temp["src"], _temp["dst"], new PackOptions(PackFormat.W8A8, Overwrite: true)).Manifest.Digest;
        Assert.NotEqual(first, second);
        Assert.Equal(second, PackedModel.Open(_temp["dst"]).Manifest.Digest);
        Assert.Equal([_temp["dst"], _temp["src"]], Directory.GetFileSystemEntries(_temp.Root).Order());
    }

    [Fact]
    public void Pack_should_leave_nothing_when_cancelled_at_any_file()
    {
        _checkpoint.Write(_temp["src"]);
        int files = Packer.Pack(_temp["src"], _temp["whole"], new PackOptions()).Manifest.Files.Count;
        Directory.Delete(_temp["whole"], recursive: true);
        for (int stop = 1; stop <= files; stop++)
        {
            using var cancel = new CancellationTokenSource();
            var watch = new Watcher(_temp.Root, stop, cancel);
            Assert.ThrowsAny<OperationCanceledException>(() => RandomModelLike(watch, cancel.Token));
            Assert.Equal([_temp["src"]], Directory.GetFileSystemEntries(_temp.Root));
        }
    }

    [Fact]
    public void Pack_should_remove_what_a_killed_pack_left_but_not_what_a_living_one_writes()
    {
        _checkpoint.Write(_temp["src"]);
        string dead = Directory.CreateDirectory(_temp["dst.partial-dead"]).FullName;
        File.WriteAllText(Path.Combine(dead, "trunk.bin"), "half");
        File.WriteAllText(dead + ".lock", "");
        string alive = Directory.CreateDirectory(_temp["dst.partial-alive"]).FullName;
        using (new FileStream(alive + ".lock", FileMode.Create, FileAccess.Write, FileShare.None))
        {
            Assert.Throws<ModelFormatException>(() => PackedModel.Open(dead));
            Packer.Pack(_temp["src"], _temp["dst"], new PackOptions());
            Assert.False(Directory.Exists(dead));
            Assert.True(Directory.Exists(alive));
        }
        PackedModel.Open(_temp["dst"]);
    }

    [Fact]
    public void Pack_should_report_progress_up_to_the_whole_model()
    {
        var seen = new List<PackProgress>();
        var model = Packer.Pack(Models.Nano, _temp["dst"], new PackOptions(), new Collector(seen));
        Assert.True(seen.Count >= 3);
        Assert.True(seen.Zip(seen.Skip(1)).All(p => p.First.Written < p.Second.Written));
        Assert.Equal(seen[^1].Total, seen[^1].Written);
        Assert.Equal(model.Trunk.Length + 8 * model.Group.Length, seen[^1].Total);
    }

    private string Refused(bool overwrite) =>
        Assert.Throws<ModelFormatException>(() => Packer.Pack(_temp["src"], _temp["dst"], new PackOptions(Overwrite: overwrite))).Message;

    // Progress comes every 4 MiB only, so the cancelling tests watch the writer through the random model, which shares it.
    private void RandomModelLike(Watcher watch, CancellationToken cancel) =>
        RandomModel.Write(_temp["dst"], TestShapes.Odd, PackFormat.Bf16, 1, written: watch.OnWritten, cancel: cancel);

    /// <summary>Cancels when the n-th file of the partial folder is being written.</summary>
    private sealed class Watcher(string root, int stop, CancellationTokenSource cancel)
    {
        public void OnWritten(long bytes)
        {
            string partial = Directory.GetDirectories(root, "dst.partial-*").Single();
            if (Directory.GetFiles(partial).Length >= stop)
                cancel.Cancel();
        }
    }

    private sealed class Collector(List<PackProgress> seen) : IProgress<PackProgress>
    {
        public void Report(PackProgress value) => seen.Add(value);
    }
}
