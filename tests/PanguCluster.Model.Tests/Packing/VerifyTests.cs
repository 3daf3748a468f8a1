using PanguCluster.Model.Packing;
using Xunit;

namespace PanguCluster.Model.Tests.Packing;

public sealed class VerifyTests
{
    [Fact]
    public void Verify_should_report_each_damaged_and_each_missing_file()
    {
        using var temp = new TempFolder();
        var model = RandomModel.Write(temp["m"], TestShapes.Odd with { Groups = 4, ExpertsPerToken = 4 }, PackFormat.Bf16, 9);
        Flip(model.TrunkPath, 0);
        Flip(model.GroupPath(2), new FileInfo(model.GroupPath(2)).Length - 1);
        File.Delete(model.GroupPath(3));
        var seen = new List<VerifyProgress>();
        var verdicts = PackedModel.Open(temp["m"]).Verify(new Collector(seen));
        Assert.Equal(
            [("trunk.bin", false, true), ("group-00.bin", false, false), ("group-01.bin", false, false), ("group-02.bin", false, true), ("group-03.bin", true, true)],
            verdicts.Select(v => (v.File, v.Missing, v.Problem is not null)));
        Assert.Contains("SHA-256", verdicts[0].Problem);
        Assert.True(seen.Zip(seen.Skip(1)).All(p => p.First.Read <= p.Second.Read));
        Assert.All(seen, p => Assert.True(p.Read <= p.Total));
    }

    private static void Flip(string path, long at)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bytes[at] ^= 1;
        File.WriteAllBytes(path, bytes);
    }

    private sealed class Collector(List<VerifyProgress> seen) : IProgress<VerifyProgress>
    {
        public void Report(VerifyProgress value) => seen.Add(value);
    }
}
