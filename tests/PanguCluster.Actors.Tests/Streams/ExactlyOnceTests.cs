using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests.Streams;

/// <summary>Whatever decoders bring, in whatever order and however often: every reader has every token once and in order.</summary>
public sealed class ExactlyOnceTests
{
    private const int Length = 12;

    private static int TokenOf(int choice, int index) => choice * 1000 + index * 7;

    /// <summary>A decoder: where its sequence began and how many tokens it has brought of it.</summary>
    private sealed record Worker(int Choice, int Began)
    {
        public int Brought { get; set; }
    }

    [Property(MaxTest = 300)]
    public void Readers_should_have_every_token_once_and_in_order(NonEmptyArray<byte> moves, PositiveInt choices)
    {
        int count = choices.Get % 3 + 1;
        var transcript = new Transcript();
        transcript.Begin(count);
        transcript.Open(new StreamEvent.Accepted("s", 1, "m", 1));
        var progress = Enumerable.Range(0, count).Select(c => new ChoiceProgress(c, 1, Length, new AnswerText(null, []), transcript)).ToArray();
        var workers = new List<Worker>();
        var readers = new List<(TranscriptCursor Cursor, List<StreamEvent> Events)> { (new TranscriptCursor(new int[count], false), []) };
        for (int i = 0; i < moves.Get.Length; i++)
            Move(moves.Get[i]);
        // In the end somebody computes what is missing.
        for (int c = 0; c < count; c++)
            for (int i = progress[c].Count; i < Length; i++)
                Assert.Equal(TokenEntry.Next, progress[c].Take(new SampledToken(i, TokenOf(c, i), 0, null)));

        foreach (var (cursor, events) in readers)
        {
            while (transcript.TryNext(cursor, out var e))
                events.Add(e!);
            Assert.True(cursor.Done);
            Assert.IsType<StreamEvent.Accepted>(events[0]);
            for (int c = 0; c < count; c++)
            {
                var own = events.OfType<StreamEvent.Token>().Where(t => t.Choice == c).ToArray();
                Assert.Equal(Enumerable.Range(cursor.Next[c], Length - cursor.Next[c]), own.Select(t => t.Sampled.Index));
                Assert.All(own, t => Assert.Equal(TokenOf(c, t.Sampled.Index), t.Sampled.TokenId));
                Assert.True(events.FindLastIndex(e => e is StreamEvent.Token t && t.Choice == c) < events.FindIndex(e => e is StreamEvent.Finished f && f.Choice == c));
            }
        }

        void Move(byte move)
        {
            int which = move / 8;
            switch (move % 8)
            {
                case 0: // another decoder takes a choice over; the old one may go on
                    workers.Add(new Worker(which % count, progress[which % count].Count));
                    break;
                case 1 when workers.Count > 0: // one dies
                    workers.RemoveAt(which % workers.Count);
                    break;
                case 2 when workers.Count > 0: // a message is lost: what follows is a gap, or known from another
                    workers[which % workers.Count].Brought++;
                    break;
                case 3 when workers.Count > 0: // a message comes twice
                    Bring(workers[which % workers.Count], -1);
                    break;
                case 4: // a caller comes in the middle
                    readers.Add((new TranscriptCursor([.. Enumerable.Range(0, count).Select(c => (which + c) % (Length + 1))], false), []));
                    break;
                case 5: // somebody reads a little
                    var (cursor, events) = readers[which % readers.Count];
                    if (transcript.TryNext(cursor, out var e))
                        events.Add(e!);
                    break;
                default:
                    if (workers.Count > 0)
                        Bring(workers[which % workers.Count], 0);
                    break;
            }
        }

        void Bring(Worker worker, int offset)
        {
            int index = worker.Began + worker.Brought + offset;
            if (index < worker.Began || index >= Length)
                return;
            var entry = progress[worker.Choice].Take(new SampledToken(index, TokenOf(worker.Choice, index), 0, null));
            Assert.NotEqual(TokenEntry.Violation, entry);
            if (offset == 0)
                worker.Brought++;
        }
    }

    [Fact]
    public void Progress_should_report_a_token_that_differs_and_keep_the_first()
    {
        var transcript = new Transcript();
        transcript.Begin(1);
        var progress = new ChoiceProgress(0, 1, 3, new AnswerText(null, []), transcript);
        Assert.Equal(TokenEntry.Next, progress.Take(new SampledToken(0, 5, 0, null)));
        Assert.Equal(TokenEntry.Violation, progress.Take(new SampledToken(0, 6, 0, null)));
        Assert.Equal(0, progress.Take(new RecordedChoice([new RecordedToken(7, 0, null)], 1, null)));
        Assert.Equal([5], transcript.TokenIds(0));
    }

    [Fact]
    public void Record_should_end_where_the_stream_is_when_the_session_has_more()
    {
        var cursor = new RecordCursor(new ManualTime(), RecordOptions.Default);
        cursor.Recorded(500); // a long record: the stream computes the end of it again, and is cancelled on the way
        Assert.Null(cursor.Due(300, flush: true));
        Assert.Equal(300, cursor.DueEnd(300));
        Assert.Null(cursor.DueEnd(300));
    }

    [Fact]
    public void Record_should_go_out_less_often_than_every_batch_when_tokens_come_fast()
    {
        var time = new ManualTime();
        var options = RecordOptions.Default;
        var cursor = new RecordCursor(time, options);
        Assert.Equal((0, options.Batch), cursor.Due(options.Batch, flush: false));
        Assert.Null(cursor.Due(3 * options.Batch, flush: false));
        Assert.Equal((options.Batch, options.Batch + options.MostPerMessage), cursor.Due(options.Batch + options.MostPerMessage, flush: false));
        time.Advance(options.Pause);
        Assert.Equal((options.Batch + options.MostPerMessage, 2 * options.Batch + options.MostPerMessage),
            cursor.Due(2 * options.Batch + options.MostPerMessage, flush: false));
    }

    /// <summary>A record that loses, delays and repeats messages has everything in the end, and the window bounds what is under way.</summary>
    [Property(MaxTest = 300)]
    public void Record_should_be_complete_in_the_end_whatever_was_lost(NonEmptyArray<byte> moves, PositiveInt total)
    {
        var time = new ManualTime();
        var options = RecordOptions.Default;
        var cursor = new RecordCursor(time, options);
        int count = total.Get * 37, recorded = 0, have = 0;
        foreach (byte move in moves.Get)
        {
            have = Math.Min(count, have + move);
            Exchange(lost: move % 3 == 0, late: move % 5 == 0, end: false);
        }
        have = count;
        for (int i = 0; i < 10_000 && !cursor.Ended; i++)
            Exchange(lost: false, late: true, end: true);
        Assert.True(cursor.Ended);
        Assert.Equal(count, recorded);

        void Exchange(bool lost, bool late, bool end)
        {
            while (true)
            {
                if (end && cursor.DueEnd(have) is { } from)
                {
                    Assert.InRange(have - from, 0, options.MostPerMessage);
                    if (from <= recorded)
                    {
                        recorded = Math.Max(recorded, have);
                        cursor.OnEnded();
                    }
                    else
                        cursor.Recorded(recorded);
                }
                if (cursor.Due(have, flush: end) is not { } due)
                    break;
                Assert.InRange(due.To - due.From, 1, options.MostPerMessage);
                Assert.True(due.To - recorded <= options.Window);
                if (lost)
                    continue;
                if (due.From <= recorded)
                    recorded = Math.Max(recorded, due.To);
                if (!late)
                    cursor.Recorded(recorded);
            }
            if (late)
                time.Advance(options.Retry * 2);
            if (end)
                cursor.Recorded(recorded);
        }
    }
}
