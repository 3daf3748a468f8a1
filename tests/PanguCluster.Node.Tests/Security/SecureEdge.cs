using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Client;
using PanguCluster.Node.Hosting;
using PanguCluster.Node.Options;
using PanguCluster.Node.Security;
using PanguCluster.Node.Services;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Security;

/// <summary>The real edge with keys and certificates, before a fake cluster; every line of its log is kept, at trace level.</summary>
internal sealed class SecureEdge : IAsyncDisposable
{
    private readonly WebApplication _app;

    private SecureEdge(WebApplication app, FakeGateway gateway, KeepingLog log)
    {
        (_app, Gateway, Log) = (app, gateway, log);
        string[] urls = [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];
        (Http, Grpc) = (new Uri(urls[0]), new Uri(urls[1]));
    }

    public FakeGateway Gateway { get; }
    public KeepingLog Log { get; }
    public Uri Http { get; }
    public Uri Grpc { get; }

    public static async Task<SecureEdge> StartAsync(EdgeSecurity security)
    {
        var gateway = new FakeGateway();
        var log = new KeepingLog();
        Assert.True(NodeAddress.TryParse("127.0.0.1:0", out var any, out _));
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.SetMinimumLevel(LogLevel.Trace).AddProvider(log);
        builder.Services.AddSingleton<IGenerationGateway>(gateway).AddSingleton<IClusterView>(new FakeView()).AddSingleton(TestModel.Create(true));
        builder.Services.AddSingleton<ISessionBook>(new FakeBook()).AddSingleton<JournalHealth>();
        builder.Services.AddSingleton<IClusterControl>(new FakeControl(new FakeView())).AddSingleton<IClusterEvents>(new FakeEvents());
        builder.AddEdge(new NodeIdentity("n1"), any, any, security);
        var app = builder.Build();
        app.MapEdge();
        await app.StartAsync();
        return new SecureEdge(app, gateway, log);
    }

    public PanguClient Client(PanguClientOptions options) => new(options with { StartLimit = TimeSpan.Zero }, Grpc.ToString());

    public PanguClient Client(string? key) => Client(new PanguClientOptions(key));

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}

internal sealed class KeepingLog : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _lines = [];

    public string Text => string.Join('\n', _lines);

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull
    {
        _lines.Enqueue($"scope {state}");
        return null;
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue($"{logLevel} {eventId.Name}: {formatter(state, exception)} {state} {exception}");

    public void Dispose()
    {
    }
}
