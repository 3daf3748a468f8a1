using System.Globalization;
using PanguCluster.Model.Sampling;
using Wire = Pangu.V1;

namespace PanguCluster.Node.Services;

/// <summary>Checks the caller's sampling parameters and fills in the defaults. Pure.</summary>
public static class SamplingRules
{
    /// <param name="sampling">Null: temperature 1 and nothing else.</param>
    /// <param name="logprobs">Null: none.</param>
    /// <param name="freshSeed">For a caller who gives none.</param>
    /// <exception cref="RequestError">Names the field and the limit.</exception>
    public static SamplingParameters Check(Wire.Sampling? sampling, int? logprobs, int vocabSize, ulong freshSeed)
    {
        sampling ??= new Wire.Sampling();
        float temperature = sampling.HasTemperature ? sampling.Temperature : 1f;
        // Negated comparisons refuse NaN too.
        if (temperature != 0f && !(temperature is >= RequestLimits.MinTemperature and <= RequestLimits.MaxTemperature))
            throw RequestError.Invalid(
                $"sampling.temperature: {Show(temperature)}; give 0 (greedy) or {Show(RequestLimits.MinTemperature)} .. {Show(RequestLimits.MaxTemperature)}");
        if (sampling.HasTopK && sampling.TopK < 0)
            throw RequestError.Invalid($"sampling.top_k: {sampling.TopK}; give 0 (off) or more");
        float topP = sampling.HasTopP ? sampling.TopP : 1f;
        if (!(topP is > 0f and <= 1f))
            throw RequestError.Invalid($"sampling.top_p: {Show(topP)}; give more than 0 and at most 1");
        float repetition = sampling.HasRepetitionPenalty ? sampling.RepetitionPenalty : 1f;
        if (!(repetition is > 0f and <= RequestLimits.MaxRepetitionPenalty))
            throw RequestError.Invalid(
                $"sampling.repetition_penalty: {Show(repetition)}; give more than 0 and at most {Show(RequestLimits.MaxRepetitionPenalty)}");
        if (logprobs is < 0 or > RequestLimits.Logprobs)
            throw RequestError.Invalid($"logprobs: {logprobs}; give 0 .. {RequestLimits.Logprobs}");
        return new SamplingParameters
        {
            Temperature = temperature,
            TopK = Math.Min(sampling.TopK, vocabSize),
            TopP = topP,
            MinP = InRange("min_p", sampling.MinP, 0f, 1f),
            RepetitionPenalty = repetition,
            PresencePenalty = InRange("presence_penalty", sampling.PresencePenalty, -RequestLimits.MaxPenalty, RequestLimits.MaxPenalty),
            FrequencyPenalty = InRange("frequency_penalty", sampling.FrequencyPenalty, -RequestLimits.MaxPenalty, RequestLimits.MaxPenalty),
            Seed = sampling.HasSeed ? sampling.Seed : freshSeed,
            Logprobs = logprobs is { } wanted ? Math.Min(wanted, vocabSize) : -1,
        };
    }

    private static float InRange(string field, float value, float least, float most) => value >= least && value <= most
        ? value
        : throw RequestError.Invalid($"sampling.{field}: {Show(value)}; give {Show(least)} .. {Show(most)}");

    private static string Show(float value) => value.ToString(CultureInfo.InvariantCulture);
}
