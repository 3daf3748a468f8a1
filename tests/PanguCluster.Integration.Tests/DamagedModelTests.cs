using PanguCluster.Chaos.Processes;
using PanguCluster.Integration.Tests.Processes;
using Xunit;

namespace PanguCluster.Integration.Tests;

public class DamagedModelTests
{
    [Theory]
    [InlineData("group-03.bin", 5000, "group 3")]
    [InlineData("trunk.bin", 50000, "decoder")]
    public async Task Node_should_stay_unready_and_say_why_when_one_bit_of_a_file_is_flipped(string file, int offset, string what)
    {
        string folder = Path.Combine(Repository.Data, "flipped-" + Path.GetFileNameWithoutExtension(file));
        var packed = await RunningProgram.RunPanguAsync("pack", Repository.Nano, folder, "--format", "w8a8");
        Assert.True(packed.Code == 0, packed.Error);
        Flip(Path.Combine(folder, file), offset);

        await using var node = ServeNode.Start("--model", folder);
        var state = await node.UntilAsync(c => c.Groups.Any(g => g.Detail.Length > 0) || c.Nodes.Any(n => n.Detail.Length > 0));
        var shown = await RunningProgram.RunPanguAsync("status", "--server", node.Grpc);
        using var http = new HttpClient();
        var ready = await http.GetAsync(new Uri($"http://{node.Http}/readyz"));

        Assert.False(state.Ready);
        string why = $"{string.Concat(state.Groups.Select(g => g.Detail))}{string.Concat(state.Nodes.Select(n => n.Detail))}";
        Assert.Contains(file, why, StringComparison.Ordinal);
        Assert.Contains("SHA-256", why, StringComparison.Ordinal);
        Assert.Contains(what, shown.Output, StringComparison.Ordinal);
        Assert.Contains(file, shown.Output, StringComparison.Ordinal);
        Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.Contains(file, await ready.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        node.Program.Signal("TERM");
        Assert.Equal(0, (await node.Program.EndAsync()).Code);
    }

    private static void Flip(string path, int offset)
    {
        using var stream = File.Open(path, FileMode.Open, FileAccess.ReadWrite);
        stream.Position = offset;
        int value = stream.ReadByte();
        stream.Position = offset;
        stream.WriteByte((byte)(value ^ 1));
    }
}
