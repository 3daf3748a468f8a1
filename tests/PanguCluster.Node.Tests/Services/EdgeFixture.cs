using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using PanguCluster.Actors.Control;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Client;
using PanguCluster.Node.Hosting;
using PanguCluster.Node.Options;
using PanguCluster.Node.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Services;

/// <summary>The real edge of a node on free ports of this machine, before a fake cluster.</summary>
internal sealed class EdgeFixture : IAsyncDisposable
{
    private readonly WebApplication _app;

    private EdgeFixture(WebApplication app, FakeGateway gateway, FakeView view, FakeBook book, FakeControl control, FakeEvents events)
    {
        _app = app;
        Gateway = gateway;
        View = view;
        Book = book;
        Control = control;
        Events = events;
        string[] urls = [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];
        Http = new Uri(urls[0]);
        Grpc = new Uri(urls[1]);
        Channel = GrpcChannel.ForAddress(Grpc);
        Client = new PanguClient(new PanguClientOptions { StartLimit = TimeSpan.Zero, RetryLimit = TimeSpan.Zero }, Grpc.ToString());
    }

    public FakeGateway Gateway { get; }
    public FakeView View { get; }
    public FakeBook Book { get; }
    public GatewayDuty Duty => _app.Services.GetRequiredService<GatewayDuty>();
    public FakeControl Control { get; }
    public FakeEvents Events { get; }
    public Uri Http { get; }
    public Uri Grpc { get; }
    public GrpcChannel Channel { get; }
    public PanguClient Client { get; }

    public static async Task<EdgeFixture> StartAsync(bool tokenizer = true)
    {
        var gateway = new FakeGateway();
        var view = new FakeView();
        var book = new FakeBook();
        var control = new FakeControl(view);
        var events = new FakeEvents();
        Assert.True(NodeAddress.TryParse("127.0.0.1:0", out var any, out _));
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<IGenerationGateway>(gateway).AddSingleton<IClusterView>(view).AddSingleton(TestModel.Create(tokenizer));
        builder.Services.AddSingleton<ISessionBook>(book).AddSingleton<JournalHealth>();
        builder.Services.AddSingleton<IClusterControl>(control).AddSingleton<IClusterEvents>(events);
        builder.AddEdge(new NodeIdentity("n1"), any, any);
        var app = builder.Build();
        app.MapEdge();
        await app.StartAsync();
        return new EdgeFixture(app, gateway, view, book, control, events);
    }

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        Channel.Dispose();
        await _app.DisposeAsync();
    }
}
