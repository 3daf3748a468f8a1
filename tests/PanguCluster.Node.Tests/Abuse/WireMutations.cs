using System.Buffers.Binary;
using Google.Protobuf;
using Pangu.V1;

namespace PanguCluster.Node.Tests.Abuse;

/// <summary>Bytes that somebody might send in place of a request: good messages with up to four wounds, or none that was ever good. All from a seed.</summary>
internal static class WireMutations
{
    private static readonly float[] OddFloats = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, float.Epsilon, float.MaxValue, 1e-20f];

    public static IReadOnlyList<IMessage> Good { get; } =
    [
        new GenerateRequest { Text = "héllo 世界", MaxTokens = 4, Stop = { "x", "yz" }, StopTokenIds = { 5, 6 }, SessionId = "fuzz-1", Logprobs = 3 },
        new GenerateRequest
        {
            TokenIds = new TokenIds { Ids = { 1, 2, 299 } }, N = 3, Echo = true, Detached = true,
            Sampling = new Sampling
            {
                Temperature = 0.5f, TopK = 7, TopP = 0.9f, MinP = 0.01f, RepetitionPenalty = 1.1f, PresencePenalty = -0.5f, FrequencyPenalty = 0.25f,
                Seed = ulong.MaxValue,
            },
        },
        new GenerateRequest
        {
            Chat = new Chat { Messages = { new ChatMessage { Role = "system", Content = "be" }, new ChatMessage { Role = "user", Content = "why?" } } },
            Sampling = new Sampling { Temperature = 0 },
        },
        new ResumeRequest { SessionId = "fuzz:1", NextIndex = 3 },
        new ResumeRequest { SessionId = "fuzz:1", NextIndices = { 0, 7, 2 } },
        new CancelRequest { SessionId = "fuzz.1" },
        new TokenizeRequest { Text = "abc" },
        new DetokenizeRequest { TokenIds = { 1, 70, 80, 299 } },
        new ListSessionsRequest { Prefix = "f", Limit = 9, States = { Session.Types.State.Running, Session.Types.State.Failed }, Node = "n1" },
    ];

    public static byte[] Of(int seed)
    {
        var random = new Random(seed);
        if (random.Next(8) == 0)
            return Noise(random, random.Next(200));
        byte[] bytes = Good[random.Next(Good.Count)].ToByteArray();
        for (int wounds = random.Next(1, 5); wounds > 0; wounds--)
            bytes = Wound(bytes, random);
        return bytes;
    }

    private static byte[] Wound(byte[] bytes, Random random)
    {
        int at = random.Next(bytes.Length + 1);
        int end = random.Next(at, bytes.Length + 1);
        switch (random.Next(12))
        {
            case 0 when at < bytes.Length: // a bit
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1 when at < bytes.Length: // a length, or anything else, a little off
                bytes[at] += (byte)random.Next(-3, 4);
                return bytes;
            case 2:
                return bytes[..at];
            case 3:
                return [.. bytes[..at], .. Noise(random, random.Next(1, 9)), .. bytes[at..]];
            case 4: // the same field again: repeated oneofs among them
                return [.. bytes, .. bytes[at..end]];
            case 5: // half of this, half of that
                byte[] other = Good[random.Next(Good.Count)].ToByteArray();
                return [.. bytes[..at], .. other[random.Next(other.Length)..]];
            case 6: // a number that needs ten bytes, and one that needs more
                return [.. bytes[..at], .. Enumerable.Repeat((byte)0xff, random.Next(5, 12)), 1, .. bytes[at..]];
            case 7 when bytes.Length >= at + 4:
                BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(at), OddFloats[random.Next(OddFloats.Length)]);
                return bytes;
            case 8: // no UTF-8: half a character, half a surrogate pair, an overlong null
                byte[] broken = random.Next(3) switch { 0 => [0xe4, 0xb8], 1 => [0xed, 0xa0, 0x80], _ => [0xc0, 0x80] };
                return [.. bytes[..at], .. broken, .. bytes[Math.Min(at + broken.Length, bytes.Length)..]];
            case 9:
                return Nested(bytes, (byte)((random.Next(1, 16) << 3) | 2), random.Next(1, 150));
            case 10: // groups, an old form that nothing here has, opened and not closed
                return [.. bytes[..at], .. Enumerable.Repeat((byte)((random.Next(1, 16) << 3) | 3), random.Next(1, 300)), .. bytes[at..]];
            default: // a sampling with an odd number
                var odd = new GenerateRequest { Sampling = Odd(random) };
                return [.. bytes, .. odd.ToByteArray()];
        }
    }

    private static Sampling Odd(Random random)
    {
        float value = OddFloats[random.Next(OddFloats.Length)];
        return random.Next(7) switch
        {
            0 => new Sampling { Temperature = value },
            1 => new Sampling { TopP = value },
            2 => new Sampling { MinP = value },
            3 => new Sampling { RepetitionPenalty = value },
            4 => new Sampling { PresencePenalty = value },
            5 => new Sampling { FrequencyPenalty = value },
            _ => new Sampling { TopK = random.Next(2) == 0 ? int.MinValue : int.MaxValue },
        };
    }

    private static byte[] Nested(byte[] bytes, byte tag, int levels)
    {
        for (; levels > 0; levels--)
        {
            using var stream = new MemoryStream();
            using (var output = new CodedOutputStream(stream, leaveOpen: true))
            {
                output.WriteRawTag(tag);
                output.WriteLength(bytes.Length);
            }
            stream.Write(bytes);
            bytes = stream.ToArray();
        }
        return bytes;
    }

    private static byte[] Noise(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>For messages of a failed test.</summary>
    public static string Show(byte[] bytes) => bytes.Length <= 400 ? Convert.ToHexString(bytes) : Convert.ToHexString(bytes[..400]) + "...";
}
