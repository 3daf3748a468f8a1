using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using PanguCluster.Model.Tokenization;
using Xunit;

namespace PanguCluster.Actors.Tests.Streams;

public sealed class TranscriptTests
{
    private static readonly StreamEvent.Accepted Accepted = new("s", 1, "m", 1);

    private static void Add(Transcript transcript, int index) => transcript.Add(0, new SampledToken(index, index, 0, null), "x");

    [Fact]
    public async Task Seat_should_wake_for_every_event_when_it_waits_between_them()
    {
        var transcript = new Transcript();
        transcript.Begin(1);
        var seat = new ClientSeat(null);
        seat.Read(transcript, new TranscriptCursor([0], false));
        var reading = Task.Run(async () =>
        {
            int tokens = 0;
            await foreach (var e in seat.Events.ReadAllAsync())
                tokens += e is StreamEvent.Token ? 1 : 0;
            return tokens;
        });
        Add(transcript, 0);
        transcript.Open(Accepted);
        for (int i = 1; i < 2000; i++)
        {
            Add(transcript, i);
            if (i % 50 == 0)
                await Task.Yield();
        }
        transcript.Finish(new StreamEvent.Finished(0, FinishReason.Length, "", 1, 2000));
        Assert.Equal(2000, await reading.WaitAsync(TimeSpan.FromSeconds(10)));
        await seat.Events.Completion.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Waiting_should_end_with_the_token_of_whoever_waits()
    {
        var seat = new ClientSeat(null);
        using var gone = new CancellationTokenSource();
        var waiting = seat.Events.WaitToReadAsync(gone.Token).AsTask();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    /// <summary>The event itself is 64 bytes; the transcript keeps 36 and may have grown by as much.</summary>
    [Fact]
    public void Token_should_cost_its_event_and_its_place_and_nothing_else()
    {
        const int Tokens = 4000;
        var transcript = new Transcript();
        transcript.Begin(1);
        transcript.Open(Accepted);
        var seat = new ClientSeat(null);
        seat.Read(transcript, new TranscriptCursor([0], false));
        var progress = new ChoiceProgress(0, 1, int.MaxValue, new AnswerText(null, []), transcript);
        Run(0, 100);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(100, Tokens);
        long perToken = (GC.GetAllocatedBytesForCurrentThread() - before) / (Tokens - 100);
        Assert.InRange(perToken, 0, 64 + 3 * 36);

        void Run(int from, int to)
        {
            for (int i = from; i < to; i++)
            {
                progress.Take(new SampledToken(i, i, 0, null));
                while (seat.Events.TryRead(out _))
                {
                }
            }
        }
    }

    [Fact]
    public void Echoed_prompt_should_concatenate_to_the_detokenized_prompt_when_characters_are_cut()
    {
        var tokenizer = PanguTokenizer.Open(RepositoryFiles.Path("models", "pangu-nano"));
        int[] ids = tokenizer.Encode("naïve 漢字 \U0001F600 end", addBos: true).ToArray();
        int[] cut = ids[..^5]; // may end inside a character
        foreach (int[] prompt in new[] { ids, cut })
        {
            var whole = new EchoedPrompt(tokenizer, prompt).Rest();
            var pieces = new EchoedPrompt(tokenizer, prompt);
            var scored = prompt.Select((t, i) => new ScoredToken(i, t, -i, null)).ToArray();
            string text = "";
            foreach (var part in scored.Chunk(3).SelectMany(c => new[] { c, c })) // everything twice
                text += pieces.Take(part) is { } piece ? string.Concat(piece.Tokens.Select(t => t.Text)) : "";
            Assert.True(pieces.Complete);
            Assert.Equal(tokenizer.Decode(prompt), text);
            Assert.Equal(text, string.Concat(whole.Tokens.Select(t => t.Text)));
        }
    }
}
