namespace PanguCluster.Node.Security;

/// <summary>Who may call an endpoint. One that says nothing is for clients.</summary>
public enum Access
{
    /// <summary>No credentials: signs of life.</summary>
    Anyone,
    Client,
    Operator,
}

public static class AccessExtensions
{
    public static T For<T>(this T endpoint, Access access)
        where T : IEndpointConventionBuilder
    {
        endpoint.Add(builder => builder.Metadata.Add(access));
        return endpoint;
    }
}
