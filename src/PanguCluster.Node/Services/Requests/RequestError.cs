using Grpc.Core;

namespace PanguCluster.Node.Services;

/// <summary>A request that is refused: which status, and a message that names field and limit.</summary>
public sealed class RequestError(StatusCode code, string message) : Exception(message)
{
    public StatusCode Code { get; } = code;

    public static RequestError Invalid(string message) => new(StatusCode.InvalidArgument, message);

    public RpcException ToRpc() => new(new Status(Code, Message));
}
