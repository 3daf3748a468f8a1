using Grpc.Core;
using Pangu.V1;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Node.Metrics;

namespace PanguCluster.Node.Services;

/// <summary><c>pangu.v1.Operator</c>: the cluster as this node sees it, and the recorded sessions of all of it.</summary>
public sealed partial class OperatorService(
    IClusterView view, IClusterControl control, IClusterEvents events, NodeIdentity self, EdgeMetrics metrics, JournalHealth journal,
    ISessionBook book, IGenerationGateway gateway, StreamGrace grace, TimeProvider time) : Operator.OperatorBase
{
    private readonly OperationWatch _watch = new(view, time);

    public override Task<ListSessionsResponse> ListSessions(ListSessionsRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        var query = ListSessionsRules.Check(request);
        // What the journal is not asked for is sifted here.
        var listing = await book.ListAsync(query.Prefix, query.Filters ? RequestLimits.Sessions : query.Limit, context.CancellationToken)
            .ConfigureAwait(false);
        var wanted = listing.Sessions.Select(SessionWriting.ToWire).Where(query.Wants).Take(query.Limit + 1).ToList();
        return new ListSessionsResponse { Sessions = { wanted.Take(query.Limit) }, More = listing.More || wanted.Count > query.Limit };
    });

    public override Task VerifySession(
        VerifySessionRequest request, IServerStreamWriter<VerifyProgress> responseStream, ServerCallContext context) => AnswerAsync(async () =>
    {
        string session = SessionRules.CheckId(request.SessionId);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, grace.Over);
        try
        {
            await foreach (var report in book.VerifyAsync(session, ends.Token).ConfigureAwait(false))
                await responseStream.WriteAsync(SessionWriting.ToWire(report), ends.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!context.CancellationToken.IsCancellationRequested && grace.Over.IsCancellationRequested)
        {
            throw new SessionsUnavailableException("the node is stopping; verify the session at another one");
        }
        return true;
    });

    public override Task<CancelSessionResponse> CancelSession(CancelSessionRequest request, ServerCallContext context) => AnswerAsync(async () =>
    {
        var session = await book.FindAsync(SessionRules.CheckId(request.SessionId), context.CancellationToken).ConfigureAwait(false);
        return await gateway.CancelAsync(session.SessionId, session.Owner, context.CancellationToken).ConfigureAwait(false)
            ? new CancelSessionResponse { SessionId = session.SessionId }
            : throw new SessionNameException(SessionNameProblem.Unknown, $"there is no session '{session.SessionId}'");
    });

    /// <summary>Runs a call; what is wrong with it becomes its status.</summary>
    private static async Task<T> AnswerAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (RequestError refused)
        {
            throw refused.ToRpc();
        }
        catch (ControlUnavailableException unavailable)
        {
            throw FailureStatus.ToRpc(new StreamEvent.Failed(FailureKind.Unavailable, unavailable.Message));
        }
        catch (SessionNameException wrong)
        {
            throw new RpcException(new Status(CodeOf(wrong.Problem), "session_id: " + wrong.Message));
        }
        catch (SessionsUnavailableException unavailable)
        {
            throw FailureStatus.ToRpc(new StreamEvent.Failed(FailureKind.Unavailable, unavailable.Message));
        }
    }

    private static StatusCode CodeOf(SessionNameProblem problem) => problem switch
    {
        SessionNameProblem.Unknown => StatusCode.NotFound,
        SessionNameProblem.Ambiguous => StatusCode.InvalidArgument,
        _ => StatusCode.FailedPrecondition,
    };
}
