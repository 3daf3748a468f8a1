using System.Net.Sockets;
using PanguCluster.Actors.Placement;
using PanguCluster.Model.Packing;
using PanguCluster.Node.Console;
using PanguCluster.Node.Local;
using PanguCluster.Node.Options;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.Hosting;

/// <summary>The life of one node: check, open, serve, stop.</summary>
public static class NodeProcess
{
    /// <summary>Streams get their grace first; then the node leaves the cluster. Whatever is left after this is dropped.</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan ReadyPoll = TimeSpan.FromMilliseconds(50);

    /// <summary>Runs a node until <paramref name="stop"/>, or until its cluster has emptied it and lets it go, and drains it first. Prints one line to <paramref name="output"/> when it serves.</summary>
    /// <exception cref="OptionException">An option does not fit this machine or model.</exception>
    /// <exception cref="ModelFormatException">The model cannot be served.</exception>
    /// <exception cref="CommandFailedException">The node cannot start, or its cluster dropped it.</exception>
    public static async Task RunAsync(ServeOptions options, TextWriter output, TextWriter error, CancellationToken stop)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _ = CompilerPriority.KeepLowAsync(TimeProvider.System, over.Token);
        var low = StartPriority.Take(options.StartNice, error);
        options = TakePorts(options);
        var packed = await ModelFolders.PackedAsync(options, error, stop).ConfigureAwait(false);
        var decoder = DecoderSizing.Derive(packed.Manifest, options, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        await using var app = NodeAssembly.Build(options, packed, decoder);
        try
        {
            await StartAsync(app, stop).ConfigureAwait(false);
            if (low is not null)
                _ = StartPriority.GiveBackAsync(low, app.Services.GetRequiredService<IClusterView>(), options.NodeId, TimeProvider.System, stop);
            await ServeAsync(app, options, packed.Manifest, output, error, stop).ConfigureAwait(false);
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            // Also after a start that was cut off half-way: its actor system may be running already, and would go on without us.
            using var late = new CancellationTokenSource(StopLimit);
            await app.StopAsync(late.Token).ConfigureAwait(false);
        }
    }

    private static async Task StartAsync(WebApplication app, CancellationToken stop)
    {
        try
        {
            await app.StartAsync(stop).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is IOException or SocketException)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"the node cannot start: {failed.Message}", failed);
        }
    }

    private static async Task ServeAsync(
        WebApplication app, ServeOptions options, Manifest manifest, TextWriter output, TextWriter error, CancellationToken stop)
    {
        string grpc = options.HasRole("gateway") ? $" grpc={options.Grpc}" : "";
        string places = $"node={options.NodeId}{grpc} http={options.Http} cluster={options.Cluster} model={manifest.Name}";
        await error.WriteLineAsync($"pangu serve: listening {places}").ConfigureAwait(false);
        var exit = app.Services.GetRequiredService<NodeExit>();
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop, app.Lifetime.ApplicationStopping, exit.Asked);
        try
        {
            var view = app.Services.GetRequiredService<IClusterView>();
            while (RouteHealthCheck.WhatIsMissing(view.Current) is not null)
                await Task.Delay(ReadyPoll, ends.Token).ConfigureAwait(false);
            await output.WriteLineAsync($"ready {places}").ConfigureAwait(false);
            await output.FlushAsync(ends.Token).ConfigureAwait(false);
            await Task.Delay(Timeout.InfiniteTimeSpan, ends.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (exit.IsRefused)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"{options.NodeId} cannot stay in the cluster: {exit.Reason}; see --node-id");
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested || exit.Asked.IsCancellationRequested)
        {
            bool asked = !stop.IsCancellationRequested;
            await error.WriteLineAsync($"pangu serve: {options.NodeId} is stopping{(asked ? ": " + exit.Reason : "")}").ConfigureAwait(false);
            // What the streams' grace takes is a part of the limit.
            var limit = options.DrainTimeout > StreamGrace.Length ? options.DrainTimeout - StreamGrace.Length : TimeSpan.Zero;
            string end = await app.Services.GetRequiredService<NodeDrain>().RunAsync(limit, asked).ConfigureAwait(false);
            await error.WriteLineAsync($"pangu serve: {options.NodeId} leaves: {end}").ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new CommandFailedException(
                ExitCodes.Failed, $"{options.NodeId} has left its cluster without being asked to; start it again, and see its log for the reason");
        }
    }

    /// <summary>Port 0 becomes a free port, since others are told the address before anything listens; a taken port is an error here and now.</summary>
    private static ServeOptions TakePorts(ServeOptions options)
    {
        var free = new Queue<NodeAddress>(FreePorts.Find(1, LocalPlan.PortsPerNode, FreePorts.AnyStart, LocalPlan.PortStride));
        NodeAddress Take(string option, NodeAddress wanted)
        {
            if (wanted.Port == 0)
                return wanted with { Port = free.Dequeue().Port };
            PortCheck.MustBeFree(option, wanted);
            return wanted;
        }
        var taken = options with
        {
            Grpc = options.HasRole("gateway") ? Take("--grpc", options.Grpc) : options.Grpc,
            Http = Take("--http", options.Http),
            Cluster = Take("--cluster", options.Cluster),
        };
        return options.HasDefaultId ? taken with { NodeId = NodeIds.Default(taken.Cluster, Environment.MachineName) } : taken;
    }
}
