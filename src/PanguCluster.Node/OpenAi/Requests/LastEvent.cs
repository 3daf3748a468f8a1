using System.Globalization;
using System.Text;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.OpenAi;

/// <summary>
/// A place in an answer, as the <c>id:</c> of its events tells it: <c>session:index</c>, the index of the token just sent (-1: none yet), or
/// with several choices <c>session:count,count,...</c>, how many tokens of every choice have been sent. Pure.
/// </summary>
/// <param name="Next">First index that is still wanted, of every choice.</param>
public sealed record LastEvent(string Session, int[] Next)
{
    private const int MostChoices = CompletionRequests.Prompts * RequestLimits.Choices;

    /// <exception cref="ApiException">Not an id that this server gives out.</exception>
    public static LastEvent Parse(string id)
    {
        int colon = id.LastIndexOf(':');
        string[] numbers = colon < 0 ? [] : id[(colon + 1)..].Split(',');
        int[] next = new int[numbers.Length];
        for (int i = 0; i < next.Length; i++)
            if (!int.TryParse(numbers[i], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out next[i])
                || next[i] < (next.Length == 1 ? -1 : 0) || next[i] == int.MaxValue)
                throw NotAnId();
        if (next.Length is 0 or > MostChoices)
            throw NotAnId();
        if (next.Length == 1)
            next[0]++;
        try
        {
            return new LastEvent(SessionRules.CheckId(id[..colon]), next);
        }
        catch (RequestError)
        {
            throw NotAnId();
        }
    }

    /// <summary>The id of the event after which <paramref name="sent"/> tokens of every choice have been sent.</summary>
    public static string IdOf(string session, ReadOnlySpan<int> sent)
    {
        if (sent.Length == 1)
            return string.Create(CultureInfo.InvariantCulture, $"{session}:{sent[0] - 1}");
        var id = new StringBuilder(session).Append(':');
        for (int i = 0; i < sent.Length; i++)
            id.Append(i == 0 ? "" : ",").Append(CultureInfo.InvariantCulture, $"{sent[i]}");
        return id.ToString();
    }

    private static ApiException NotAnId() =>
        new(ApiError.Invalid(RequestFields.LastEventId, "expected the id of an event of this server: session:index, or session:count,count,..."));
}
