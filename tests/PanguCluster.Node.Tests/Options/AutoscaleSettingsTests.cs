using PanguCluster.Node.Options;
using Xunit;

namespace PanguCluster.Node.Tests.Options;

public sealed class AutoscaleSettingsTests
{
    [Fact]
    public void Targets_should_be_what_is_said_and_keep_their_defaults()
    {
        Assert.Null(AutoscaleSettings.From(new ServeOverrides(), LauncherKind.Local));
        var usual = AutoscaleSettings.From(new ServeOverrides { Autoscale = "2-8" }, LauncherKind.Local)!;
        Assert.Equal((2, 8, 2.0, 0.85, 30.0, 300.0), (usual.MinNodes, usual.MaxNodes, usual.QueueWait.TotalSeconds, usual.KvUse, usual.UpCoolDown.TotalSeconds, usual.DownCoolDown.TotalSeconds));

        var said = AutoscaleSettings.From(
            new ServeOverrides { Autoscale = "1-2", AutoscaleWait = "500s", AutoscaleKv = "60%", AutoscaleCooldown = "1s,3m" }, LauncherKind.Command)!;
        Assert.Equal((500.0, 0.6, 1.0, 180.0), (said.QueueWait.TotalSeconds, said.KvUse, said.UpCoolDown.TotalSeconds, said.DownCoolDown.TotalSeconds));
    }

    [Theory]
    [InlineData("8-2", null, null, null, "--autoscale 8-2: expected MIN-MAX")]
    [InlineData("0-2", null, null, null, "--autoscale 0-2: expected MIN-MAX")]
    [InlineData("2", null, null, null, "--autoscale 2: expected MIN-MAX")]
    [InlineData("1-2000", null, null, null, "at most 1024")]
    [InlineData("1-2", "0s", null, null, "--autoscale-wait 0s: expected 0.1s .. 1h")]
    [InlineData("1-2", null, "101", null, "--autoscale-kv 101: expected 1 .. 100")]
    [InlineData("1-2", null, null, "30s", "--autoscale-cooldown 30s: expected OUT,IN")]
    [InlineData("1-2", null, null, "30s,2y", "--autoscale-cooldown 2y: expected 0s .. 1d")]
    [InlineData(null, "1s", null, null, "need --autoscale MIN-MAX")]
    public void What_is_wrong_should_be_named(string? range, string? wait, string? kv, string? coolDown, string message)
    {
        var said = new ServeOverrides { Autoscale = range, AutoscaleWait = wait, AutoscaleKv = kv, AutoscaleCooldown = coolDown };
        Assert.Contains(message, Assert.Throws<OptionException>(() => AutoscaleSettings.From(said, LauncherKind.Local)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Something_should_start_the_nodes() => Assert.Contains(
        "needs a --launcher", Assert.Throws<OptionException>(() => AutoscaleSettings.From(new ServeOverrides { Autoscale = "2-8" }, LauncherKind.None)).Message, StringComparison.Ordinal);
}
