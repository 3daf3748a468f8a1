using PanguCluster.Model.Decoding;

namespace PanguCluster.Actors.Streams;

/// <summary>What a caller is told when a decoder will never take the request.</summary>
internal static class SubmitRefusal
{
    public static (FailureKind Kind, string Message) Of(SubmitOutcome outcome, GenerationRequest request) => outcome switch
    {
        SubmitOutcome.TooLong => (FailureKind.Invalid,
            $"prompt of {request.Prompt.Length} tokens and max_tokens {request.MaxTokens} do not fit the context or the KV cache of the decoder"),
        SubmitOutcome.Invalid => (FailureKind.Invalid,
            "the decoder refused the request: a token id is outside the vocabulary or max_tokens leaves nothing to generate"),
        _ => (FailureKind.Internal, $"the decoder answered {outcome}"),
    };
}
