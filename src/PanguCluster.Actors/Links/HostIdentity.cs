namespace PanguCluster.Actors.Links;

/// <summary>Equal for all processes of one running machine, different for another: decides whether a Unix-domain socket can be tried.</summary>
public static class HostIdentity
{
    private const string BootId = "/proc/sys/kernel/random/boot_id";

    public static string Current { get; } = Environment.MachineName + "/" + (File.Exists(BootId) ? File.ReadAllText(BootId).Trim() : "");
}
