using System.Text;
using FsCheck;
using FsCheck.Xunit;
using PanguCluster.Actors.Credentials;
using PanguCluster.Node.Security;
using PanguCluster.Node.Tests.Security;
using Xunit;

namespace PanguCluster.Node.Tests.Abuse;

/// <summary>Any content of the key file, and any text as a key.</summary>
public class KeyFileFuzzTests
{
    private static readonly TestKeys Keys = new(5, 100);
    private static readonly byte[] Good = File.ReadAllBytes(Keys.File);
    private static readonly string[] Values = ["null", "0", "-1", "1e999", "\"\"", "\"x\"", "[]", "{}", "true", "\"\\ud800\"", "2147483648", "1e9", new('[', 100)];

    [Property(MaxTest = 3000)]
    public void Key_file_should_be_taken_or_refused_by_name_when_its_content_is_anything(DoNotSize<int> seed)
    {
        var random = new Random(seed.Item);
        byte[] content = [.. Good];
        for (int wounds = random.Next(1, 4); wounds > 0; wounds--)
            content = Wound(content, random);
        try
        {
            var keys = KeyFile.Parse("keys.json", content);
            Assert.All(keys, key => Assert.Null(key.Problem()));
        }
        catch (CredentialException refused)
        {
            Assert.StartsWith("keys.json: ", refused.Message, StringComparison.Ordinal);
        }
    }

    private static byte[] Wound(byte[] content, Random random)
    {
        int at = random.Next(content.Length + 1);
        switch (random.Next(5))
        {
            case 0 when at < content.Length:
                content[at] ^= (byte)(1 << random.Next(8));
                return content;
            case 1:
                return content[..at];
            case 2:
                return [.. content[..at], (byte)random.Next(256), .. content[at..]];
            case 3:
                return [.. content[..at], .. content[random.Next(content.Length)..]];
            default: // another value for one of the fields
                string text = Encoding.UTF8.GetString(content);
                int colon = text.IndexOf(": ", Math.Min(at, text.Length), StringComparison.Ordinal);
                int end = colon < 0 ? -1 : text.IndexOfAny([',', '\n'], colon);
                return end < 0 ? content : Encoding.UTF8.GetBytes(text[..(colon + 2)] + Values[random.Next(Values.Length)] + text[end..]);
        }
    }

    [Property(MaxTest = 3000)]
    public void Key_should_be_unknown_when_it_is_any_text_but_the_right_one(string? text, int cut)
    {
        var keys = new ApiKeys(Keys.File);
        string near = Keys.Client[..(int)((uint)cut % Keys.Client.Length)];

        Assert.Null(keys.Find(text ?? ""));
        Assert.Null(keys.Find(near + text));
        Assert.Null(keys.Find(Keys.Client + text + "x"));
        Assert.Equal("c1", keys.Find(Keys.Client)!.Id);
    }
}
