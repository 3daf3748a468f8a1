using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Decoding;

/// <summary>A decoder's load for others to read at any time: written after every step, without a message.</summary>
public sealed class LoadGauge
{
    private readonly object _gate = new();
    private DecoderLoad _load;

    public DecoderLoad Value
    {
        get
        {
            lock (_gate)
                return _load;
        }
        set
        {
            lock (_gate)
                _load = value;
        }
    }
}
