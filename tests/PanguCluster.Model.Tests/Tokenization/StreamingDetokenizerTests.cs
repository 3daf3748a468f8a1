using System.Text;
using FsCheck;
using FsCheck.Xunit;
using PanguCluster.Model.Tokenization;
using Xunit;

namespace PanguCluster.Model.Tests.Tokenization;

public sealed class StreamingDetokenizerTests
{
    private static readonly PanguTokenizer Nano = PanguTokenizer.Open(Models.Nano);

    /// <summary>Any ids at all: byte pieces in any order give valid, cut and invalid UTF-8.</summary>
    [Property(MaxTest = 500)]
    public void Pieces_should_concatenate_to_the_whole_decode_for_any_ids(int[] drawn)
    {
        // Half of the ids are byte pieces of high bytes, where characters can be cut.
        int[] ids = [.. drawn.Select(d => d % 2 == 0 ? 19 + 128 + Math.Abs(d % 128) : Math.Abs(d % 4096))];
        Assert.Equal(Nano.Decode(ids), Stream(ids, out _));
    }

    [Theory]
    [InlineData("😀")]
    [InlineData("日本語のテキスト and ascii é")]
    public void Pieces_should_be_whole_characters_when_characters_span_tokens(string text)
    {
        int[] ids = [.. Encoding.UTF8.GetBytes(text).Select(b => 19 + b)];
        Assert.Equal(text, Stream(ids, out var pieces));
        Assert.All(pieces, p => Assert.DoesNotContain('\uFFFD', p));
        Assert.All(pieces, p => Assert.False(p.Length > 0 && (char.IsLowSurrogate(p[0]) || char.IsHighSurrogate(p[^1]))));
    }

    [Fact]
    public void Flush_should_give_a_replacement_character_when_the_last_one_is_cut()
    {
        var stream = new StreamingDetokenizer(Nano);
        Assert.Equal("", stream.Push(19 + 0xf0));
        Assert.Equal("", stream.Push(19 + 0x9f));
        Assert.Equal("\uFFFD", stream.Flush());
        Assert.Equal("", stream.Flush());
    }

    [Fact]
    public void Push_should_allocate_nothing_when_no_character_is_cut()
    {
        var stream = new StreamingDetokenizer(Nano);
        int[] ids = Nano.Encode("Once upon a time there was a little girl, 38+47.");
        foreach (int id in ids)
            stream.Push(id);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < 100; round++)
            foreach (int id in ids)
                stream.Push(id);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static string Stream(int[] ids, out List<string> pieces)
    {
        var stream = new StreamingDetokenizer(Nano);
        pieces = [.. ids.Select(stream.Push)];
        pieces.Add(stream.Flush());
        return string.Concat(pieces);
    }
}
