using System.Runtime.CompilerServices;
using Grpc.Core;
using Pangu.V1;
using PanguCluster.Actors.Placement;

namespace PanguCluster.Node.Services;

/// <summary>Follows an operation in this node's copy of the placement table.</summary>
public sealed class OperationWatch(IClusterView view, TimeProvider time)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    /// <summary>How long an operation may be unknown: the table travels from node to node.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static RequestError Unknown(string id) => new(
        StatusCode.NotFound, $"operation_id: there is no operation '{id}'; GetCluster lists those that run and those that ended last ('pangu operations')");

    /// <summary>The operation as it is, and again whenever it has changed; the last one has ended.</summary>
    /// <exception cref="RequestError">NOT_FOUND: nothing is heard of it, or no longer.</exception>
    public async IAsyncEnumerable<Operation> FollowAsync(string id, [EnumeratorCancellation] CancellationToken cancellation)
    {
        long begun = time.GetTimestamp();
        Operation? last = null;
        while (true)
        {
            var found = view.Current.Operations.FirstOrDefault(o => o.Id == id);
            if (found is not null)
            {
                var now = ControlWriting.ToWire(found);
                if (!now.Equals(last))
                    yield return last = now;
                if (now.State != Operation.Types.State.Running)
                    yield break;
            }
            else if (last is not null || time.GetElapsedTime(begun) > Patience)
            {
                throw Unknown(id);
            }
            await Task.Delay(Poll, time, cancellation).ConfigureAwait(false);
        }
    }
}
