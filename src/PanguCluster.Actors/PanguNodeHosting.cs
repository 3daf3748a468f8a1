using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;
using PanguCluster.Actors.Credentials;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Sessions.Journal;
using PanguCluster.Actors.Streams;

namespace PanguCluster.Actors;

/// <summary>
/// Wiring: <c>services.AddPanguNode(setup)</c> is all a host needs. It registers <see cref="PanguNode"/>, <see cref="IGenerationGateway"/>,
/// <see cref="IClusterView"/>, <see cref="Sessions.ISessionBook"/> and <see cref="Sessions.JournalHealth"/> as singletons that exist before the actor system does, and starts the system with the host. When the host stops, the
/// node leaves the cluster and its handles are disposed.
/// </summary>
public static class PanguNodeHosting
{
    /// <exception cref="ArgumentException">A field of the setup is out of range.</exception>
    public static IServiceCollection AddPanguNode(this IServiceCollection services, PanguNodeSetup setup, Action<AkkaConfigurationBuilder>? more = null)
    {
        var node = new PanguNode(setup);
        services.AddSingleton(node);
        services.AddSingleton(node.Gateway);
        services.AddSingleton(node.View);
        services.AddSingleton(node.Sessions);
        services.AddSingleton(node.Journal);
        services.AddSingleton(node.Control);
        services.AddSingleton(node.Events);
        return services.AddAkka(PanguNode.SystemName, builder =>
        {
            builder.WithPanguNode(node);
            more?.Invoke(builder);
        });
    }

    /// <summary>For a host that builds its own actor system; the system's name must be <see cref="PanguNode.SystemName"/>.</summary>
    public static AkkaConfigurationBuilder WithPanguNode(this AkkaConfigurationBuilder builder, PanguNodeSetup setup) =>
        builder.WithPanguNode(new PanguNode(setup));

    public static AkkaConfigurationBuilder WithPanguNode(this AkkaConfigurationBuilder builder, PanguNode node)
    {
        if (node.Setup.Credentials is { } credentials)
            builder.AddSetup(ClusterTls.Setup(credentials));
        if (JournalSetup.Of(node.Setup.Journal) is { } journal)
            builder.AddSetup(journal);
        return builder
            .AddHocon(PanguNodeHocon.Of(node.Setup), HoconAddMode.Prepend)
            .WithActors((system, _) => node.Start(system));
    }
}
