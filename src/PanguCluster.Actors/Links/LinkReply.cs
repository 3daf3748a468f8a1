using PanguCluster.Actors.Experts;

namespace PanguCluster.Actors.Links;

/// <summary>
/// One reply frame in a buffer of the link: it belongs to the router from the moment it is told until <see cref="Release"/>, and the link
/// reads no further frame into it meanwhile.
/// </summary>
public sealed class LinkReply : Akka.Actor.INoSerializationVerificationNeeded
{
    private readonly Action<LinkReply> _release;

    internal LinkReply(LinkLimits limits, Action<LinkReply> release)
    {
        _release = release;
        GroupIds = new int[limits.Groups];
        Status = new ComputeStatus[limits.Groups];
        OutputRowBytes = limits.OutputRowBytes;
        Outputs = GC.AllocateUninitializedArray<byte>(checked(limits.MaxRows * limits.Groups * limits.OutputRowBytes));
    }

    public ILinkPort Link { get; internal set; } = null!;
    public LinkHeader Header { get; internal set; }

    /// <summary>[i &lt; Header.Groups].</summary>
    public int[] GroupIds { get; }

    /// <summary>[i &lt; Header.Groups].</summary>
    public ComputeStatus[] Status { get; }

    /// <summary>[done group in order, row, H] in the model's group output type.</summary>
    internal byte[] Outputs { get; }

    internal int OutputRowBytes { get; }

    /// <summary>Output of the n-th group whose status is Done.</summary>
    public ReadOnlySpan<byte> OutputOf(int done) => Outputs.AsSpan(done * Header.Rows * OutputRowBytes, Header.Rows * OutputRowBytes);

    public void Release() => _release(this);
}
