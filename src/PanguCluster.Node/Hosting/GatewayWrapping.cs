using PanguCluster.Actors.Streams;

namespace PanguCluster.Node.Hosting;

internal static class GatewayWrapping
{
    /// <summary>Puts a decorator around the gateway that is registered already, so that every way in passes it.</summary>
    public static void WrapGateway(this IServiceCollection services, Func<IGenerationGateway, IServiceProvider, IGenerationGateway> wrap)
    {
        var registered = services.Last(s => s.ServiceType == typeof(IGenerationGateway));
        services.Remove(registered);
        services.AddSingleton(provider =>
            wrap((IGenerationGateway)(registered.ImplementationInstance ?? registered.ImplementationFactory!(provider)), provider));
    }
}
