using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using FsCheck;
using FsCheck.Xunit;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Events;
using PanguCluster.Actors.Sessions;
using PanguCluster.Actors.Streams;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Actors.Wire;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests.Wire;

/// <summary>Damaged messages of peers and rows of the journal: read as something sound, or refused with the one exception that their readers expect.</summary>
public sealed class RandomBytesTests : IDisposable
{
    private readonly ActorSystem _system = ActorSystem.Create(
        "bytes", PanguNodeHocon.Of(TestNode.Setup("bytes", TestModel.Bf16)).WithFallback(ConfigurationFactory.Default()));

    private readonly (string Manifest, byte[] Bytes)[] _events;
    private readonly (string Manifest, byte[] Bytes)[] _messages;

    public RandomBytesTests()
    {
        var journal = new SessionJournalSerializer((ExtendedActorSystem)_system);
        _events = [.. Events().Select(e => (journal.Manifest(e), journal.ToBinary(e)))];
        var wire = new PanguSerializer((ExtendedActorSystem)_system);
        _messages = [.. Messages().Select(m => (wire.Manifest(m), wire.ToBinary(m)))];
    }

    public void Dispose() => _system.Terminate().Wait(TimeSpan.FromSeconds(10));

    private static readonly SessionRecord Request = new(
        [1, 2, 3], 70, new SamplingParameters { Logprobs = 2 }, true, ["stop"], [8, 9], 2, true, true, "key", "digest", 1, DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123));

    private static readonly RecordedToken[] Tokens = [new(5, -0.5f, [new(5, -0.5f), new(7, -2f)]), new(6, -1f, []), new(0, float.NaN, null)];

    private static IEnumerable<object> Events()
    {
        var at = Request.AcceptedAt;
        var end = new RecordedEnd(FinishReason.Error, FailureKind.Unavailable, "why");
        yield return new Accepted(Request, "n1");
        yield return new Attached(3, true, "n2", at);
        yield return new TokensRecorded(1, 0, Tokens, at);
        yield return new ChoiceEnded(0, 0, Tokens, end, at);
        yield return new SessionSnapshot(Request, [new RecordedChoice(Tokens, 3, end), new RecordedChoice(Tokens, 3, end)], 3, 2, "n2", at, at);
    }

    private static IEnumerable<object> Messages()
    {
        var id = new SequenceId(Guid.Empty);
        yield return new SessionProtocol.Open("s", Request, ActorRefs.Nobody, "n1");
        yield return new SessionProtocol.Opened("s", Request, [new RecordedChoice(Tokens, 3, null), new RecordedChoice(Tokens, 9, null)], 3);
        yield return new SessionProtocol.Record("s", 2, "n1", 1, 32, Tokens);
        yield return new SessionProtocol.End("s", 2, "n1", 1, 35, Tokens, new RecordedEnd(FinishReason.Stop));
        yield return new SessionProtocol.Page("s", Request, 1, 3, [4, 5], [9, 5]);
        yield return new SessionProtocol.Inspect("s", Request.AcceptedAt);
        yield return new DecoderProtocol.SubmitSequence(
            new SequenceRequest(id, [1, 2, 3], [4, 5], 6, 70, [8, 9], Request.Sampling), ActorRefs.Nobody, ActorRefs.Nobody);
        yield return EventPage.Of([new(1, "n1", 1, ClusterEventKind.NodeUp, "n2", "why", 1.5)]);
        yield return new DecoderProtocol.StepResults([
            new DecoderProtocol.SequenceToken(id, new SampledToken(3, 9, -0.25f, [new TokenLogprob(9, -0.25f)])),
            new DecoderProtocol.SequenceEnded(id, FinishReason.Length, 3, 70, null)]);
    }

    [Property(MaxTest = 8000)]
    public void Journal_row_should_be_a_sound_event_or_be_refused_when_its_bytes_are_anything(DoNotSize<int> seed)
    {
        var random = new Random(seed.Item);
        var (manifest, bytes) = _events[random.Next(_events.Length)];
        object read;
        try
        {
            read = new SessionJournalSerializer((ExtendedActorSystem)_system).FromBinary(Damage(bytes, random), manifest);
        }
        catch (SerializationException refused)
        {
            Assert.Contains(manifest, refused.Message, StringComparison.Ordinal);
            return;
        }
        if (read is SessionSnapshot snapshot)
            AssertSound(RecordedSession.Of(snapshot));
        else if (read is Accepted accepted)
            AssertSound(RecordedSession.Apply(null, accepted));
    }

    /// <summary>What a stream that goes on with the session takes for granted, and a listing.</summary>
    private static void AssertSound(RecordedSession session)
    {
        Assert.Equal(session.Request.Choices, session.Choices.Length);
        Assert.All(session.Choices, c => Assert.InRange(c.Tokens.Count, 0, session.Request.MaxTokens));
        Assert.Equal(session.Ended, session.Choices.All(c => c.End is not null));
        Assert.True(Enum.IsDefined(session.State(attended: false)));
    }

    [Property(MaxTest = 8000)]
    public void Message_should_be_read_or_refused_and_nothing_else_when_its_bytes_are_anything(DoNotSize<int> seed)
    {
        var random = new Random(seed.Item);
        var (manifest, bytes) = _messages[random.Next(_messages.Length)];
        try
        {
            Assert.NotNull(new PanguSerializer((ExtendedActorSystem)_system).FromBinary(Damage(bytes, random), manifest));
        }
        catch (SerializationException refused)
        {
            Assert.Contains(manifest, refused.Message, StringComparison.Ordinal);
        }
    }

    private static byte[] Damage(byte[] good, Random random)
    {
        byte[] bytes = [.. good];
        for (int wounds = random.Next(1, 4); wounds > 0; wounds--)
        {
            int at = random.Next(bytes.Length + 1);
            switch (random.Next(6))
            {
                case 0 or 1 when at < bytes.Length:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2 when at < bytes.Length:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 3:
                    bytes = bytes[..at];
                    break;
                case 4:
                    bytes = [.. bytes, .. bytes[at..]];
                    break;
                default:
                    bytes = [.. bytes[..at], .. Enumerable.Repeat((byte)0xff, random.Next(1, 12)), .. bytes[at..]];
                    break;
            }
        }
        return bytes;
    }
}
