using System.Text;

namespace PanguCluster.Node.Tests.Abuse;

/// <summary>Bodies that somebody might send in place of a completion's: good ones with up to three wounds, or none that was ever good. All from a seed.</summary>
internal static class JsonMutations
{
    private static readonly string[] Good =
    [
        """{"messages":[{"role":"system","content":"be"},{"role":"user","content":[{"type":"text","text":"why"}]}],"max_tokens":4,"n":2,"logprobs":true,"top_logprobs":3,"stop":["x","yz"],"seed":7}""",
        """{"model":"test-model","prompt":"héllo 世界","max_tokens":3,"temperature":0.5,"top_p":0.9,"echo":true,"logprobs":2,"stop":"q","stream":false}""",
        """{"prompt":[[1,2,299],[5]],"n":1,"stream":true,"stream_options":{"include_usage":true},"presence_penalty":-0.5,"frequency_penalty":0.25,"top_k":-1}""",
        """{"prompt":["a","b"],"min_p":0.1,"repetition_penalty":1.1,"stop_token_ids":[5,6],"detached":true,"logit_bias":{},"user":"me"}""",
    ];

    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "2147483648", "-9223372036854775809", "18446744073709551616", "1e999", "-1e-999", "1e38", "NaN", "Infinity", "0.1", "01", "\"\"",
        "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u0000\"", "[]", "[[]]", "[null]", "[{}]", "[[[1]]]", "{}", "{\"\":null}", "{\"type\":\"text\"}", "[1,\"x\"]", "\"\\x\"",
        "1" + new string('0', 400),
    ];

    public static byte[] Of(int seed)
    {
        var random = new Random(seed);
        if (random.Next(10) == 0)
        {
            byte[] noise = new byte[random.Next(100)];
            random.NextBytes(noise);
            return noise;
        }
        byte[] bytes = Encoding.UTF8.GetBytes(Good[random.Next(Good.Length)]);
        for (int wounds = random.Next(1, 4); wounds > 0; wounds--)
            bytes = Wound(bytes, random);
        return bytes;
    }

    private static byte[] Wound(byte[] bytes, Random random)
    {
        int at = random.Next(bytes.Length + 1);
        switch (random.Next(12))
        {
            case 0 when at < bytes.Length:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                return bytes[..at];
            case 2:
                return [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]];
            case 3: // deep
                int levels = random.Next(1, 5000);
                return [.. bytes[..at], .. Encoding.UTF8.GetBytes(new string(random.Next(2) == 0 ? '[' : '{', levels)), .. bytes[at..]];
            case 4: // a key twice, with another value
                return Edit(bytes, text => text.Length == 0 ? text : text[..^1] + ",\"" + Key(text, random) + "\":" + Values[random.Next(Values.Length)] + "}");
            case 5: // no UTF-8
                return [.. bytes[..at], 0xed, 0xa0, 0x80, .. bytes[at..]];
            default: // another value at one of the fields or elements
                return Edit(bytes, text =>
                {
                    int from = text.IndexOfAny([':', '['], Math.Min(at, text.Length)) + 1;
                    int end = from == 0 ? -1 : text.IndexOfAny([',', ']', '}'], from);
                    return end < 0 ? text : text[..from] + Values[random.Next(Values.Length)] + text[end..];
                });
        }
    }

    private static byte[] Edit(byte[] bytes, Func<string, string> edit) => Encoding.UTF8.GetBytes(edit(Encoding.UTF8.GetString(bytes)));

    private static string Key(string text, Random random)
    {
        string[] keys = [.. text.Split('"').Where(part => part.Length > 0 && part.All(c => char.IsAsciiLetterLower(c) || c == '_'))];
        return keys.Length == 0 ? "n" : keys[random.Next(keys.Length)];
    }
}
