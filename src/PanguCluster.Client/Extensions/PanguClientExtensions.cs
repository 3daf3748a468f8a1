using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using PanguCluster.Client.Extensions;

namespace PanguCluster.Client;

/// <summary>Ways to use a <see cref="PanguClient"/> where others are expected.</summary>
public static class PanguClientExtensions
{
    /// <summary>The client as an <see cref="IChatClient"/>, which refuses with <see cref="NotSupportedException"/> what the models cannot do.</summary>
    /// <param name="defaults">What the options of a call leave open, like the timeout; null: the servers' defaults.</param>
    public static IChatClient AsChatClient(this PanguClient client, GenerateOptions? defaults = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        return new PanguChatClient(client, defaults);
    }

    /// <summary>One <see cref="PanguClient"/> for the whole program, and an <see cref="IChatClient"/> over it. It logs to the program's loggers.</summary>
    /// <param name="servers">As in <see cref="PanguClient.Connect(PanguClientOptions, IReadOnlyList{string})"/>.</param>
    public static IServiceCollection AddPanguClient(
        this IServiceCollection services, IReadOnlyList<string> servers, PanguClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        options ??= new PanguClientOptions();
        services.TryAddSingleton(provider => PanguClient.Connect(
            options with { LoggerFactory = options.LoggerFactory ?? provider.GetService<ILoggerFactory>() }, servers));
        services.TryAddSingleton<IChatClient>(provider => provider.GetRequiredService<PanguClient>().AsChatClient());
        return services;
    }
}
