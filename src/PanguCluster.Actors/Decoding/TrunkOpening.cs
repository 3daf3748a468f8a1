using PanguCluster.Model.Decoding;
using PanguCluster.Model.Kernels;

namespace PanguCluster.Actors.Decoding;

/// <summary>One attempt to open trunk and engine, on a thread of its own. Exactly one side disposes it, even if the actor stops meanwhile.</summary>
internal sealed class TrunkOpening
{
    private const int Running = 0;
    private const int Finished = 1;
    private const int Abandoned = 2;

    private int _state = Running;

    public DecodeEngine? Engine { get; private set; }
    public Exception? Error { get; private set; }

    public static TrunkOpening Start(DecoderSettings settings, Action<TrunkOpening> finished)
    {
        var opening = new TrunkOpening();
        new Thread(() => opening.Run(settings, finished)) { IsBackground = true, Name = "open-trunk" }.Start();
        return opening;
    }

    /// <summary>The actor is going: whatever was or will be opened is disposed.</summary>
    public void Abandon()
    {
        if (Interlocked.Exchange(ref _state, Abandoned) == Finished)
            Engine?.Dispose();
    }

    private void Run(DecoderSettings settings, Action<TrunkOpening> finished)
    {
        ITrunk? trunk = null;
        try
        {
            var o = settings.Options;
            int positions = Math.Min(o.MaxPositions, settings.Model.Shape.MaxPositions);
            trunk = settings.Kernels.OpenTrunk(
                settings.Model, new TrunkOptions(o.MaxRows, o.KvBlocks, positions, settings.Threads, settings.VerifyDigest));
            Engine = new DecodeEngine(settings.Model, trunk, o);
        }
        catch (Exception e)
        {
            // Whatever went wrong is the decoder's state, never the node's end.
            Error = e;
            trunk?.Dispose();
        }
        if (Interlocked.CompareExchange(ref _state, Finished, Running) == Running)
            finished(this);
        else
            Engine?.Dispose();
    }
}
