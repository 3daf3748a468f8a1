using PanguCluster.Model.Decoding;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Links;

/// <summary>Every size on a link, derived from the model's shape and the largest step: buffers are exactly this large, frames never larger.</summary>
public sealed record LinkLimits
{
    public LinkLimits(Manifest manifest, int maxRows, int inFlight)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxRows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(inFlight, 1);
        Groups = manifest.Shape.Groups;
        Layers = manifest.Shape.Layers;
        Chosen = manifest.Shape.ChosenPerGroup;
        ExpertsPerGroup = manifest.Shape.ExpertsPerGroup;
        RowBytes = LayerDispatch.ActivationRowBytes(manifest);
        OutputRowBytes = manifest.Shape.HiddenSize * manifest.GroupOutput.Size();
        MaxRows = maxRows;
        InFlight = inFlight;
        MaxDispatchBytes = DispatchBytes(maxRows, Groups);
        MaxReplyBytes = ReplyBytes(maxRows, Groups, Groups);
    }

    public int Groups { get; }
    public int Layers { get; }

    /// <summary>K/M.</summary>
    public int Chosen { get; }

    /// <summary>N/M.</summary>
    public int ExpertsPerGroup { get; }

    public int RowBytes { get; }
    public int OutputRowBytes { get; }
    public int MaxRows { get; }
    public int InFlight { get; }
    public int MaxDispatchBytes { get; }
    public int MaxReplyBytes { get; }

    /// <summary>Payload of a dispatch: group ids, activation rows, then per group its expert ids and weights.</summary>
    public int DispatchBytes(int rows, int groups) => checked(groups * 4 + rows * RowBytes + groups * rows * Chosen * 8);

    /// <summary>Payload of a reply: (group, status) pairs, then the outputs of those groups that are done, in this order.</summary>
    public int ReplyBytes(int rows, int groups, int done) => checked(groups * 8 + done * rows * OutputRowBytes);
}
