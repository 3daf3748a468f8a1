using PanguCluster.Model.Packing;

namespace PanguCluster.Node.Console;

/// <summary>Hands the packer's and the verifier's progress to a display, in order and on their own thread.</summary>
internal sealed class PackReports(Action<long, long, string> report) : IProgress<PackProgress>, IProgress<VerifyProgress>
{
    public void Report(PackProgress value) => report(value.Written, value.Total, value.File);

    public void Report(VerifyProgress value) => report(value.Read, value.Total, value.File);
}
