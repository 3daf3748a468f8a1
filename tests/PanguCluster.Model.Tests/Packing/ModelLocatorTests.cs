using PanguCluster.Model.Packing;
using PanguCluster.Model.Tests.Checkpoints;
using PanguCluster.Model.Tests.Tokenization;
using Xunit;

namespace PanguCluster.Model.Tests.Packing;

public sealed class ModelLocatorTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void Resolve_should_pack_once_when_several_ask_at_once()
    {
        var packed = 0;
        var models = new PackedModel[6];
        var threads = Enumerable.Range(0, models.Length).Select(i => new Thread(() =>
        {
            var counter = new Counter(() => Interlocked.Increment(ref packed));
            models[i] = ModelLocator.Resolve(Models.Nano, PackFormat.Bf16, _temp["cache"], counter);
        })).ToArray();
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        Assert.Equal(1, packed);
        Assert.Single(models.Select(m => m.Folder).Distinct());
        Assert.Single(Directory.GetDirectories(_temp["cache"]));
        Assert.Equal("pangu-nano", models[0].Manifest.Name);
    }

    [Fact]
    public void Resolve_should_pack_anew_when_the_checkpoint_or_the_format_changes_and_mend_a_damaged_entry()
    {
        var checkpoint = new TestCheckpoint(TestShapes.Odd, ElementType.Bf16);
        checkpoint.Write(_temp["src"]);
        var first = Resolve(PackFormat.Bf16);
        Assert.Equal(first.Folder, Resolve(null).Folder);
        Assert.NotEqual(first.Folder, Resolve(PackFormat.W8A8).Folder);

        File.Delete(first.GroupPath(1));
        Assert.Empty(Resolve(PackFormat.Bf16).MissingFiles);

        checkpoint.Config["rope_theta"] = 20000;
        checkpoint.Write(_temp["src"]);
        Assert.NotEqual(first.Manifest.Digest, Resolve(PackFormat.Bf16).Manifest.Digest);
    }

    [Fact]
    public void Resolve_should_open_a_packed_folder_as_it_is_and_refuse_another_format()
    {
        RandomModel.Write(_temp["m"], TestShapes.Odd, PackFormat.W8A8, 1);
        Assert.Equal(_temp["m"], ModelLocator.Resolve(_temp["m"], null, _temp["cache"]).Folder);
        Assert.Contains("is packed as w8a8", Assert.Throws<ModelFormatException>(() => ModelLocator.Resolve(_temp["m"], PackFormat.Bf16, _temp["cache"])).Message);
        Assert.False(Directory.Exists(_temp["cache"]));
    }

    [Fact]
    public void Resolve_should_say_what_it_looked_for_when_the_folder_is_neither()
    {
        Assert.Contains("no such folder", Assert.Throws<ModelFormatException>(() => ModelLocator.Resolve(_temp["x"], null, _temp["cache"])).Message);
        Directory.CreateDirectory(_temp["x"]);
        Assert.Contains("neither a packed model", Assert.Throws<ModelFormatException>(() => ModelLocator.Resolve(_temp["x"], null, _temp["cache"])).Message);
    }

    private PackedModel Resolve(PackFormat? format) => ModelLocator.Resolve(_temp["src"], format, _temp["cache"]);

    /// <summary>Calls once, at the first report.</summary>
    private sealed class Counter(Action first) : IProgress<PackProgress>
    {
        private bool _seen;

        public void Report(PackProgress value)
        {
            if (!_seen)
                first();
            _seen = true;
        }
    }
}
