using FsCheck;
using FsCheck.Xunit;
using PanguCluster.Model.Tokenization;
using Xunit;

namespace PanguCluster.Model.Tests.Tokenization;

public sealed class StopStringMatcherTests
{
    /// <summary>Texts and stops over two letters, so that near misses and overlaps are the rule.</summary>
    [Property(MaxTest = 2000)]
    public void Output_should_depend_on_the_text_alone_for_any_split(bool[] letters, bool[][] stopLetters, byte[] cuts)
    {
        string text = Word(letters);
        string[] stops = [.. stopLetters.Where(s => s.Length > 0).Select(s => Word(s[..Math.Min(s.Length, 5)]))];
        var (expected, matched) = Reference(text, stops);

        var matcher = new StopStringMatcher(stops);
        string shown = "";
        int at = 0;
        for (int i = 0; at < text.Length; i++)
        {
            int take = Math.Min(text.Length - at, cuts.Length == 0 ? 1 : 1 + cuts[i % cuts.Length] % 4);
            shown += matcher.Push(text.Substring(at, take));
            at += take;
            Assert.StartsWith(shown, expected); // never shows what it must take back
        }
        if (!matcher.Matched)
            shown += matcher.Flush();
        Assert.Equal(expected, shown);
        Assert.Equal(matched, matcher.Matched);
    }

    [Fact]
    public void Push_should_hold_back_only_what_may_begin_a_stop_string()
    {
        var matcher = new StopStringMatcher(["STOP"]);
        Assert.Equal("say ", matcher.Push("say S"));
        Assert.Equal("", matcher.Push("TO"));
        Assert.Equal("STOm", matcher.Push("m"));
        Assert.Equal(" ", matcher.Push(" STOP and more"));
        Assert.True(matcher.Matched);
        Assert.Equal("", matcher.Push("more"));
        Assert.Equal("", matcher.Flush());
    }

    [Fact]
    public void Push_should_return_the_piece_itself_when_nothing_can_match()
    {
        string piece = string.Concat("he", "llo");
        Assert.Same(piece, new StopStringMatcher([]).Push(piece));
        Assert.Same(piece, new StopStringMatcher(["x"]).Push(piece));
        Assert.Throws<ArgumentException>(() => new StopStringMatcher(["a", ""]));
    }

    private static string Word(bool[] letters) => string.Concat(letters.Select(l => l ? 'a' : 'b'));

    /// <summary>Character by character: the first position where some stop ends; everything before its longest such stop is shown.</summary>
    private static (string Shown, bool Matched) Reference(string text, string[] stops)
    {
        for (int end = 1; end <= text.Length; end++)
        {
            var ending = stops.Where(s => text[..end].EndsWith(s, StringComparison.Ordinal)).ToArray();
            if (ending.Length > 0)
                return (text[..(end - ending.Max(s => s.Length))], true);
        }
        return (text, false);
    }
}
