using System.Diagnostics.Metrics;
using PanguCluster.Actors;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Routing;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Decoding;

namespace PanguCluster.Node.Metrics;

/// <summary>What a node's own counters say, read at every scrape. Nothing is computed in between.</summary>
internal static class NodeMetrics
{
    public static void Observe(Meter meter, PanguNode node)
    {
        ObserveStreams(meter, node.Streams);
        ObserveDecoder(meter, () => node.Load.Value);
        ObserveRows(meter, node.Rows);
        ObserveFaults(meter, node.Faults);
        ObserveCluster(meter, node.View);
        meter.CreateObservableGauge("pangu.journal_up", () => node.Journal.Problem is null ? 1 : 0, null,
            "1: sessions are recorded; 0: new requests wait or are refused.");
    }

    private static void ObserveStreams(Meter meter, StreamCounters streams)
    {
        meter.CreateObservableGauge("pangu.streams_active", () => streams.Active, "{stream}", "Streams that run on this node now.");
        meter.CreateObservableGauge("pangu.streams_detached", () => streams.Detached, "{stream}", "Streams of this node that have no caller now.");
        meter.CreateObservableCounter("pangu.stream_resumes", () => streams.Resumes, "{resume}", "Callers who came back for a session.");
        meter.CreateObservableCounter("pangu.stream_joins", () => streams.Joins, "{join}",
            "Requests that found their session running and joined it.");
        meter.CreateObservableCounter("pangu.decoder_failovers", () => streams.Resubmissions, "{sequence}",
            "Running sequences given to another decoder.");
        meter.CreateObservableCounter("pangu.decoder_suspicions", () => streams.Suspicions, "{suspicion}",
            "Times a decoder or its node was taken for gone or hung.");
        meter.CreateObservableCounter("pangu.determinism_violations", () => streams.DeterminismViolations, "{token}",
            "Tokens computed twice and differently. Anything but 0 is a bug.");
    }

    private static void ObserveDecoder(Meter meter, Func<DecoderLoad> load)
    {
        meter.CreateObservableGauge("pangu.decoder_running", () => load().Running, "{sequence}", "Sequences in this node's batch.");
        meter.CreateObservableGauge("pangu.decoder_waiting", () => load().Waiting, "{sequence}", "Sequences in this node's queue.");
        meter.CreateObservableCounter("pangu.decoder_tokens", () => load().TokensGenerated, "{token}",
            "Tokens that this node's decoder has generated.");
        meter.CreateObservableCounter("pangu.decoder_steps", () => load().Steps, "{step}", "Batches that this node's decoder has computed.");
        meter.CreateObservableCounter("pangu.decoder_preemptions", () => load().Preemptions, "{sequence}",
            "Running sequences put back for want of KV blocks.");
        meter.CreateObservableCounter("pangu.prefix_cache_queries", () => load().PrefixQueries, "{token}",
            "Prompt positions that could have been in the prefix cache.");
        meter.CreateObservableCounter("pangu.prefix_cache_hits", () => load().PrefixHits, "{token}", "Prompt positions found in the prefix cache.");
        meter.CreateObservableGauge("pangu.kv_blocks", () => Blocks(load()), "{block}",
            "KV blocks of 64 positions, by state: free, used, or cached (a prefix for whoever has the same).");
    }

    private static Measurement<int>[] Blocks(DecoderLoad load) =>
    [
        new(load.FreeBlocks - load.CachedBlocks, new KeyValuePair<string, object?>("state", "free")),
        new(load.TotalBlocks - load.FreeBlocks, new KeyValuePair<string, object?>("state", "used")),
        new(load.CachedBlocks, new KeyValuePair<string, object?>("state", "cached")),
    ];

    private static void ObserveRows(Meter meter, RowCounters rows)
    {
        meter.CreateObservableCounter("pangu.group_rows", () => rows.Read().Rows.Select((count, group) =>
            new Measurement<long>(count, new KeyValuePair<string, object?>("group", group))), "{row}",
                "Token rows that this node's router has had answered, by expert group.");
        meter.CreateObservableCounter("pangu.router_rows", () => rows.Read().Tokens, "{row}",
            "Token rows of all layers that this node's router has had answered: tokens in batches times layers.");
    }

    private static void ObserveFaults(Meter meter, RouterFaults faults)
    {
        meter.CreateObservableCounter("pangu.router_hedges", () => faults.Hedges, "{group}",
            "Groups asked of a second owner because the first was late.");
        meter.CreateObservableCounter("pangu.router_hedge_wins", () => faults.HedgeWins, "{group}",
            "Hedges that answered before the owner that was late.");
        meter.CreateObservableCounter("pangu.router_resent", () => faults.Resent, "{group}",
            "Groups sent again because their owner was gone, not ready or failed.");
        meter.CreateObservableCounter("pangu.router_late_answers", () => faults.LateAnswers, "{answer}",
            "Answers that came too late or twice and were dropped.");
        meter.CreateObservableCounter("pangu.peer_suspicions", () => faults.Suspicions, "{suspicion}",
            "Times this node's router took a peer for gone or hung.");
        meter.CreateObservableCounter("pangu.router_stalls", () => faults.Stalls, "{layer}", "Layers that met a failure and were finished all the same.");
        meter.CreateObservableGauge("pangu.router_last_stall", () => faults.LastStall.TotalSeconds, "s",
            "How long the last layer that met a failure took.");
        meter.CreateObservableGauge("pangu.router_longest_stall", () => faults.LongestStall.TotalSeconds, "s",
            "How long the slowest layer that met a failure took.");
    }

    private static void ObserveCluster(Meter meter, IClusterView view)
    {
        meter.CreateObservableGauge("pangu.cluster_nodes", () => view.Current.Nodes.Count(n => n.Status == "Up"), "{node}",
            "Nodes that are up, as this node sees the cluster.");
        meter.CreateObservableGauge("pangu.groups_ready", () => view.Current.Groups.Count(g => g.State == GroupInfo.Ready), "{group}",
            "Expert groups that are ready.");
        meter.CreateObservableGauge("pangu.groups", () => view.Current.Groups.Count, "{group}", "Expert groups of the model.");
        meter.CreateObservableGauge("pangu.imbalance_score", () => view.Current.ImbalanceScore, null,
            "(max rows - min rows) / tokens over devices; 0 by construction.");
    }
}
