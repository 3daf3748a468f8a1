using PanguCluster.Actors.Weights;
using PanguCluster.Model.Kernels;
using PanguCluster.Model.Packing;

namespace PanguCluster.Actors.Experts;

/// <summary>
/// One attempt to open and warm a group's weights, on a thread of its own: mapping, verifying and the first forward may take seconds and must hold up neither the
/// devices that compute nor the cluster's heartbeats. Exactly one side disposes the handle, even if the actor stops meanwhile.
/// </summary>
internal sealed class GroupOpening
{
    private const int Running = 0;
    private const int Finished = 1;
    private const int Abandoned = 2;

    private int _state = Running;

    public IExpertGroup? Handle { get; private set; }
    public Exception? Error { get; private set; }

    public static GroupOpening Start(
        IKernels kernels, PackedModel model, IGroupFiles files, int group, GroupOptions options, bool warm, Action<GroupOpening> finished)
    {
        var opening = new GroupOpening();
        var thread = new Thread(() => opening.Run(kernels, model, files, group, options, warm, finished))
        {
            IsBackground = true,
            Name = $"open-group-{group}",
        };
        thread.Start();
        return opening;
    }

    /// <summary>The actor is going: whatever was or will be opened is disposed.</summary>
    public void Abandon()
    {
        if (Interlocked.Exchange(ref _state, Abandoned) == Finished)
            Handle?.Dispose();
    }

    private void Run(IKernels kernels, PackedModel model, IGroupFiles files, int group, GroupOptions options, bool warm, Action<GroupOpening> finished)
    {
        try
        {
            var handle = kernels.OpenGroup(model, group, options);
            try
            {
                if (warm)
                    GroupWarmUp.Run(handle, model.Manifest, options.MaxRows);
            }
            catch
            {
                handle.Dispose();
                throw;
            }
            Handle = handle;
        }
        catch (Exception e)
        {
            // Whatever went wrong is the device's state, never the node's end.
            Error = e is ModelFormatException ? AfterRemoval(e, files, group) : e;
        }
        if (Interlocked.CompareExchange(ref _state, Finished, Running) == Running)
            finished(this);
        else
            Handle?.Dispose();
    }

    /// <summary>A fetched file that is damaged is of no use to anybody: the next attempt fetches it again.</summary>
    private static Exception AfterRemoval(Exception error, IGroupFiles files, int group)
    {
        try
        {
            return files.RemoveDamaged(group) ? new ModelFormatException($"{error.Message} It is removed, to be fetched again.", error) : error;
        }
        catch (Exception e)
        {
            return new ModelFormatException($"{error.Message} It cannot be removed: {e.Message}", error);
        }
    }
}
