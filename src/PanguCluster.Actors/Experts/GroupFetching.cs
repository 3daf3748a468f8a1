using Akka.Actor;
using PanguCluster.Actors.Weights;

namespace PanguCluster.Actors.Experts;

/// <summary>One attempt to have a group's file here; tells the device how far it is, now and then, and when it has ended.</summary>
internal sealed class GroupFetching : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly TimeProvider _time = TimeProvider.System;
    private long _told;

    private GroupFetching() => _told = _time.GetTimestamp();

    public static GroupFetching Start(IGroupFiles files, int group, IActorRef device)
    {
        var fetching = new GroupFetching();
        _ = fetching.RunAsync(files, group, device);
        return fetching;
    }

    public void Dispose() => _stop.Cancel();

    private async Task RunAsync(IGroupFiles files, int group, IActorRef device)
    {
        Exception? error = null;
        try
        {
            await files.EnsureAsync(group, bytes => Tell(bytes, device), _stop.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever went wrong is the device's state, never the node's end.
            error = e;
        }
        device.Tell(new ExpertGroupProtocol.Fetched(this, error));
    }

    private void Tell(long bytes, IActorRef device)
    {
        lock (_gate)
        {
            if (_time.GetElapsedTime(_told) < FetchOptions.ProgressInterval)
                return;
            _told = _time.GetTimestamp();
        }
        device.Tell(new ExpertGroupProtocol.Fetching(this, bytes));
    }
}
