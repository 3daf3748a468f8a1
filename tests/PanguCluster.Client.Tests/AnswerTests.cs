using System.Diagnostics.Metrics;
using PanguCluster.Client.Tests.Scripted;
using Xunit;

namespace PanguCluster.Client.Tests;

public class AnswerTests
{
    [Fact]
    public async Task Completion_should_have_all_choices_with_text_tokens_and_probabilities_when_it_is_whole()
    {
        await using var servers = await Servers.StartAsync();
        servers.Script.Breaks.Enqueue(new Break(7, BreakKind.Reset));

        var answer = await servers.Client.CompleteAsync(
            PromptInput.TokenIds(1, 2), new GenerateOptions { Choices = 2, Echo = true, Seed = 9, SessionId = "mine", Logprobs = 1 });

        Assert.Equal(("mine", 9ul, "scripted", 5), (answer.SessionId, answer.Seed, answer.Model, answer.PromptTokens));
        Assert.Equal("p0 p1 p2 p3 p4 ", string.Concat(answer.Prompt.Select(t => t.Text)));
        Assert.Equal(["c0t0 c0t1 c0t3 c0t4 end", "c1t0 c1t1 c1t3 c1t4 end"], answer.Choices.Select(c => c.Text));
        Assert.Equal([FinishReason.Length, FinishReason.Stop], answer.Choices.Select(c => c.End));
        Assert.Equal(11, answer.GeneratedTokens);
        Assert.Equal((2, 202, -0.5f, 7), answer.Choices[1].Tokens[2] switch { var t => (t.Index, t.Id, t.Logprob!.Value, t.Top.Single().Id) });
    }

    [Fact]
    public async Task Pieces_should_concatenate_to_the_answer_and_the_last_say_why_it_ended()
    {
        await using var servers = await Servers.StartAsync();

        var pieces = new List<AnswerPiece>();
        await foreach (var piece in servers.Client.GenerateAsync("x"))
            pieces.Add(piece);

        Assert.Equal("c0t0 c0t1 c0t3 c0t4 end", string.Concat(pieces));
        Assert.Equal([100, 101, 102, 103, 104, 105], pieces[..^1].Select(p => p.Token!.Id));
        Assert.Equal((null, FinishReason.Length), (pieces[^1].Token, pieces[^1].End));
    }

    [Fact]
    public async Task Streams_should_not_disturb_each_other_when_many_run_and_their_connections_break()
    {
        await using var servers = await Servers.StartAsync(3);
        for (int i = 0; i < 40; i++)
            servers.Script.Breaks.Enqueue(new Break(i % 9, i % 2 == 0 ? BreakKind.CutConnection : BreakKind.Unavailable));

        var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => servers.Client.CompleteAsync("x", new GenerateOptions { SessionId = $"s{i}", Seed = 1, Choices = 2 })));

        Assert.All(answers, a => Assert.Equal(["c0t0 c0t1 c0t3 c0t4 end", "c1t0 c1t1 c1t3 c1t4 end"], a.Choices.Select(c => c.Text)));
    }

    [Fact]
    public async Task Meter_should_count_recoveries_and_measure_their_pauses()
    {
        long recovered = 0, pauses = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == PanguClient.MeterName)
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
            Interlocked.Add(ref recovered, instrument.Name == "pangu.client.streams.recovered" ? value : 0));
        listener.SetMeasurementEventCallback<double>((instrument, _, _, _) =>
            Interlocked.Add(ref pauses, instrument.Name == "pangu.client.streams.pause" ? 1 : 0));
        listener.Start();
        await using var servers = await Servers.StartAsync();
        servers.Script.Breaks.Enqueue(new Break(3, BreakKind.Unavailable));

        await servers.GenerateAsync();

        // Other tests recover streams at the same time.
        Assert.True(Interlocked.Read(ref recovered) >= 1 && Interlocked.Read(ref pauses) >= 1);
    }
}
