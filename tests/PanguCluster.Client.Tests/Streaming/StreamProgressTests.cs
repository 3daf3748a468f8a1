using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Pangu.V1;
using PanguCluster.Client.Streaming;
using PanguCluster.Client.Tests.Scripted;
using Xunit;

namespace PanguCluster.Client.Tests.Streaming;

public class StreamProgressTests
{
    [Property(MaxTest = 500)]
    public void Events_should_be_those_of_an_unbroken_stream_when_it_breaks_anyhow(PositiveInt choices, PositiveInt tokens, bool echo, (byte After, byte Repeats, bool Restart)[] breaks)
    {
        int n = 1 + choices.Get % 4;
        var answer = Answers.Make("s", 3, n, 1 + tokens.Get % 12, echo);
        var progress = StreamProgress.Of("s", n);
        var seen = new List<GenerateEvent>();

        foreach (var (after, repeats, restart) in breaks.Append(((byte)255, (byte)0, false)))
        {
            var from = progress.IsAccepted && !restart ? progress.Rest() : new ResumeRequest();
            from.NextIndex = Math.Max(0, from.NextIndex - repeats % 4);
            for (int c = 0; c < from.NextIndices.Count; c++)
                from.NextIndices[c] = Math.Max(0, from.NextIndices[c] - (repeats + c) % 4);
            foreach (var happened in Answers.Rest(answer, from).Take(after).Select(e => e.Clone()))
                if (progress.Take(happened))
                    seen.Add(happened);
        }

        Assert.True(progress.IsComplete);
        Assert.Equal(Answers.Picture(answer), Answers.Picture(seen));
    }

    [Fact]
    public void Rest_should_name_one_index_when_there_is_one_choice_and_all_when_there_are_more()
    {
        var one = StreamProgress.Of("s", 1);
        var two = StreamProgress.Of("s", 2);
        one.Take(Answers.Token(0, 0));
        two.Take(Answers.Token(1, 0));

        Assert.Equal(new ResumeRequest { SessionId = "s", NextIndex = 1 }, one.Rest());
        Assert.Equal(new ResumeRequest { SessionId = "s", NextIndices = { 0, 1 } }, two.Rest());
        // How many choices there are is unknown: some may not have begun.
        var some = StreamProgress.From("s", [3]);
        some.Take(Answers.Token(0, 3));
        Assert.Equal(new ResumeRequest { SessionId = "s", NextIndex = 3 }, some.Rest());
    }

    [Fact]
    public void Difference_should_be_found_when_acceptance_or_end_or_prompt_changes()
    {
        var answer = Answers.Make("s", 3, echo: true);
        var changes = new Action<GenerateEvent>[]
        {
            e => (e.Accepted ?? new Accepted()).Seed++,
            e => (e.Accepted ?? new Accepted()).PromptTokens++,
            e => (e.Prompt ?? new Prompt { Tokens = { new PromptToken() } }).Tokens[0].TokenId++,
            e => (e.Finished ?? new Finished()).Text += "?",
            e => (e.Finished ?? new Finished()).Reason = Finished.Types.Reason.Stop,
        };
        foreach (var change in changes)
        {
            var progress = StreamProgress.Of("s", 1);
            answer.ForEach(e => progress.Take(e.Clone()));
            var repeat = answer.Select(e => e.Clone()).ToList();
            repeat.ForEach(e => Assert.False(progress.Take(e.Clone())));
            repeat.ForEach(change);

            Assert.Throws<DeterminismException>(() => repeat.ForEach(e => progress.Take(e)));
        }
    }

    [Fact]
    public void Event_should_be_refused_when_its_choice_does_not_exist_or_has_ended()
    {
        var progress = StreamProgress.Of("s", 1);
        Answers.Make("s", 3).ForEach(e => progress.Take(e));

        Assert.Throws<DeterminismException>(() => progress.Take(Answers.Token(1, 0)));
        Assert.Throws<DeterminismException>(() => progress.Take(Answers.Token(-1, 0)));
        Assert.Throws<DeterminismException>(() => progress.Take(Answers.Token(0, 6)));
    }
}
