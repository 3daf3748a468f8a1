using PanguCluster.Actors.Sessions;

namespace PanguCluster.Node.Services;

/// <summary>What requests are held to; the protos name the same numbers.</summary>
public static class RequestLimits
{
    public const int StopTexts = 16;
    public const int StopTextLength = 256;
    public const int StopTokenIds = 64;
    public const int Logprobs = 20;
    public const int Choices = SessionRecord.MaxChoices;
    public const int ChatMessages = 1024;
    public const int DetokenizeIds = 1 << 20;
    public const float MaxTemperature = 100f;

    /// <summary>Below this, and above 0, dividing logits by the temperature leaves nothing to draw from.</summary>
    public const float MinTemperature = 1e-3f;

    public const float MaxRepetitionPenalty = 10f;
    public const float MaxPenalty = 2f;

    /// <summary>An answer's limit when the caller names none.</summary>
    public const int DefaultMaxTokens = 4096;

    /// <summary>No token of a real vocabulary is longer on average, so a longer text cannot fit and is refused before it is tokenized.</summary>
    public const int CharactersPerPosition = 32;

    /// <summary>Sessions of one listing.</summary>
    public const int Sessions = 10_000;

    public const int DefaultSessions = 100;

    /// <summary>Nodes of a cluster that is scaled.</summary>
    public const int Nodes = 1024;

    /// <summary>Longest time that emptying a node may take.</summary>
    public const int DrainSeconds = 86_400;

    public const int DefaultDrainSeconds = 600;

    /// <summary>Most snapshots a second of one watcher.</summary>
    public const int SnapshotsPerSecond = 20;

    public const int DefaultSnapshotsPerSecond = 4;

    /// <summary>Bytes of one request message.</summary>
    public const int MessageBytes = 4 << 20;
}
