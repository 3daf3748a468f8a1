using Grpc.Core;
using Pangu.V1;
using PanguCluster.Actors.Streams;
using PanguCluster.Node.Services;
using Xunit;

namespace PanguCluster.Node.Tests.Services;

public class GenerateRequestRulesTests
{
    private static readonly ServedModel Model = TestModel.Create();

    /// <summary>What a caller can get wrong: the change to a good request, the status, and words the message must hold.</summary>
    private static readonly Dictionary<string, (Action<GenerateRequest> Break, StatusCode Code, string[] Says)> Bad = new()
    {
        ["no prompt"] = (r => r.ClearPrompt(), StatusCode.InvalidArgument, ["prompt", "text, token_ids, chat"]),
        ["empty text"] = (r => r.Text = "", StatusCode.InvalidArgument, ["text", "empty"]),
        ["empty ids"] = (r => r.TokenIds = new TokenIds(), StatusCode.InvalidArgument, ["token_ids", "empty"]),
        ["empty chat"] = (r => r.Chat = new Chat(), StatusCode.InvalidArgument, ["chat.messages", "1 .. 1024"]),
        ["unknown role"] = (r => r.Chat = Chat("robot", "x"), StatusCode.InvalidArgument, ["chat.messages[0].role", "robot", "assistant"]),
        ["empty user message"] = (r => r.Chat = Chat("user", ""), StatusCode.InvalidArgument, ["chat.messages[0].content"]),
        ["text over the context"] = (r => r.Text = new string('x', 127), StatusCode.InvalidArgument, ["prompt", "128", "127"]),
        ["text over the character limit"] = (r => r.Text = new string('x', 4097), StatusCode.InvalidArgument, ["text", "4097", "4096"]),
        ["ids over the context"] = (r => r.TokenIds = Ids(Enumerable.Repeat(5, 128)), StatusCode.InvalidArgument, ["token_ids", "128", "127"]),
        ["id too large"] = (r => r.TokenIds = Ids([1, 300]), StatusCode.InvalidArgument, ["token_ids.ids[1]", "300", "0 .. 299"]),
        ["id negative"] = (r => r.TokenIds = Ids([-1]), StatusCode.InvalidArgument, ["token_ids.ids[0]", "-1", "0 .. 299"]),
        ["max_tokens 0"] = (r => r.MaxTokens = 0, StatusCode.InvalidArgument, ["max_tokens", "0", "at least 1"]),
        ["max_tokens negative"] = (r => r.MaxTokens = -5, StatusCode.InvalidArgument, ["max_tokens", "-5"]),
        ["max_tokens over the context"] = (r => r.MaxTokens = 126, StatusCode.InvalidArgument, ["max_tokens", "126", "prompt of 3", "128", "at most 125"]),
        ["max_tokens huge"] = (r => r.MaxTokens = int.MaxValue, StatusCode.InvalidArgument, ["max_tokens", "128"]),
        ["temperature NaN"] = (r => r.Sampling.Temperature = float.NaN, StatusCode.InvalidArgument, ["sampling.temperature", "NaN"]),
        ["temperature negative"] = (r => r.Sampling.Temperature = -0.1f, StatusCode.InvalidArgument, ["sampling.temperature", "-0.1"]),
        ["temperature infinite"] = (r => r.Sampling.Temperature = float.PositiveInfinity, StatusCode.InvalidArgument, ["sampling.temperature"]),
        ["temperature over the limit"] = (r => r.Sampling.Temperature = 101f, StatusCode.InvalidArgument, ["sampling.temperature", "101", "100"]),
        ["temperature denormal"] = (r => r.Sampling.Temperature = 1e-40f, StatusCode.InvalidArgument, ["sampling.temperature", "0.001"]),
        ["top_k negative"] = (r => r.Sampling.TopK = -1, StatusCode.InvalidArgument, ["sampling.top_k", "-1"]),
        ["top_p 0"] = (r => r.Sampling.TopP = 0f, StatusCode.InvalidArgument, ["sampling.top_p", "at most 1"]),
        ["top_p over 1"] = (r => r.Sampling.TopP = 1.01f, StatusCode.InvalidArgument, ["sampling.top_p", "1.01"]),
        ["top_p NaN"] = (r => r.Sampling.TopP = float.NaN, StatusCode.InvalidArgument, ["sampling.top_p", "NaN"]),
        ["min_p negative"] = (r => r.Sampling.MinP = -0.5f, StatusCode.InvalidArgument, ["sampling.min_p", "-0.5"]),
        ["min_p over 1"] = (r => r.Sampling.MinP = 1.5f, StatusCode.InvalidArgument, ["sampling.min_p", "1.5"]),
        ["min_p NaN"] = (r => r.Sampling.MinP = float.NaN, StatusCode.InvalidArgument, ["sampling.min_p"]),
        ["repetition_penalty 0"] = (r => r.Sampling.RepetitionPenalty = 0f, StatusCode.InvalidArgument, ["sampling.repetition_penalty"]),
        ["repetition_penalty over"] = (r => r.Sampling.RepetitionPenalty = 11f, StatusCode.InvalidArgument, ["sampling.repetition_penalty", "10"]),
        ["presence_penalty under"] = (r => r.Sampling.PresencePenalty = -2.5f, StatusCode.InvalidArgument, ["sampling.presence_penalty", "-2 .. 2"]),
        ["frequency_penalty NaN"] = (r => r.Sampling.FrequencyPenalty = float.NaN, StatusCode.InvalidArgument, ["sampling.frequency_penalty"]),
        ["logprobs over"] = (r => r.Logprobs = 21, StatusCode.InvalidArgument, ["logprobs", "21", "0 .. 20"]),
        ["logprobs negative"] = (r => r.Logprobs = -1, StatusCode.InvalidArgument, ["logprobs", "-1"]),
        ["stop count"] = (r => r.Stop.AddRange(Enumerable.Repeat("x", 17)), StatusCode.InvalidArgument, ["stop", "17", "16"]),
        ["stop empty"] = (r => r.Stop.Add(""), StatusCode.InvalidArgument, ["stop[0]", "1 .. 256"]),
        ["stop too long"] = (r => r.Stop.Add(new string('x', 257)), StatusCode.InvalidArgument, ["stop[0]", "257", "256"]),
        ["stop ids count"] = (r => r.StopTokenIds.AddRange(Enumerable.Repeat(1, 65)), StatusCode.InvalidArgument, ["stop_token_ids", "65", "64"]),
        ["stop id range"] = (r => r.StopTokenIds.Add(300), StatusCode.InvalidArgument, ["stop_token_ids[0]", "300"]),
        ["n 0"] = (r => r.N = 0, StatusCode.InvalidArgument, ["n: 0"]),
        ["n 17"] = (r => r.N = 17, StatusCode.InvalidArgument, ["n: 17", "1 .. 16"]),
        ["session_id space"] = (r => r.SessionId = "a b", StatusCode.InvalidArgument, ["session_id"]),
        ["session_id newline"] = (r => r.SessionId = "ab\n", StatusCode.InvalidArgument, ["session_id"]),
        ["session_id long"] = (r => r.SessionId = new string('a', 65), StatusCode.InvalidArgument, ["session_id", "64"]),
    };

    public static TheoryData<string> BadNames => [.. Bad.Keys];

    [Theory]
    [MemberData(nameof(BadNames))]
    public void Request_should_be_refused_with_field_and_limit_when_wrong(string name)
    {
        var (breakIt, code, says) = Bad[name];
        var request = Good();
        breakIt(request);

        var refused = Assert.Throws<RequestError>(() => Check(request));

        Assert.Equal(code, refused.Code);
        Assert.All(says, word => Assert.Contains(word, refused.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Request_should_pass_when_good()
    {
        var request = Check(Good());

        Assert.Equal([1, 'h' + 3, 'i' + 3], request.Prompt);
        Assert.Equal(("fresh", 7ul), (request.SessionId, request.Sampling.Seed));
        Assert.Equal(125, request.MaxTokens);
        Assert.Equal((1, false, false, false, true), (request.Choices, request.Echo, request.Detached, request.NamedByCaller, request.SeedPicked));
        Assert.Equal((1f, 0, 1f, 0f, 1f, -1), (request.Sampling.Temperature, request.Sampling.TopK, request.Sampling.TopP,
            request.Sampling.MinP, request.Sampling.RepetitionPenalty, request.Sampling.Logprobs));
    }

    [Fact]
    public void Request_should_keep_every_field_when_all_are_given()
    {
        var wire = Good();
        wire.Sampling = new Sampling
        {
            Temperature = 0f, TopK = 1000, TopP = 0.5f, MinP = 0.25f, RepetitionPenalty = 1.5f, PresencePenalty = -2f, FrequencyPenalty = 2f, Seed = ulong.MaxValue,
        };
        wire.MaxTokens = 125;
        wire.Logprobs = 20;
        wire.N = 16;
        wire.Echo = wire.Detached = true;
        wire.SessionId = "A-z_0.9:b";
        wire.Stop.Add("end");
        wire.StopTokenIds.Add(299);

        var request = Check(wire);

        Assert.Equal(("A-z_0.9:b", 125, ulong.MaxValue), (request.SessionId, request.MaxTokens, request.Sampling.Seed));
        Assert.Equal((16, true, true, true, false), (request.Choices, request.Echo, request.Detached, request.NamedByCaller, request.SeedPicked));
        Assert.Equal((0f, TestModel.Vocab, 0.5f, 0.25f), (request.Sampling.Temperature, request.Sampling.TopK, request.Sampling.TopP, request.Sampling.MinP));
        Assert.Equal((1.5f, -2f, 2f, 20), (request.Sampling.RepetitionPenalty, request.Sampling.PresencePenalty, request.Sampling.FrequencyPenalty, request.Sampling.Logprobs));
        Assert.Equal(["end"], request.StopStrings);
        Assert.Equal([299], request.StopTokenIds);
    }

    [Fact]
    public void Request_should_name_the_missing_tokenizer_when_text_is_sent_to_a_model_without_one()
    {
        var model = TestModel.Create(tokenizer: false);

        var text = Assert.Throws<RequestError>(() => Check(Good(), model));
        var stop = Assert.Throws<RequestError>(() => Check(new GenerateRequest { TokenIds = Ids([1]), Stop = { "x" } }, model));

        Assert.Contains("no tokenizer", text.Message, StringComparison.Ordinal);
        Assert.Contains("token_ids", text.Message, StringComparison.Ordinal);
        Assert.StartsWith("stop:", stop.Message, StringComparison.Ordinal);
        Assert.Equal([1, 2], Check(new GenerateRequest { TokenIds = Ids([1, 2]) }, model).Prompt);
    }

    [Fact]
    public void Prompt_should_pass_when_it_just_leaves_room_for_one_token()
    {
        var request = Check(new GenerateRequest { TokenIds = Ids(Enumerable.Repeat(5, 127)) });

        Assert.Equal(1, request.MaxTokens);
    }

    private static GenerationRequest Check(GenerateRequest request, ServedModel? model = null) =>
        GenerateRequestRules.Check(request, model ?? Model, "fresh", 7, null);

    private static GenerateRequest Good() => new() { Text = "hi", Sampling = new Sampling() };

    private static TokenIds Ids(IEnumerable<int> ids) => new() { Ids = { ids } };

    private static Chat Chat(string role, string content) => new() { Messages = { new ChatMessage { Role = role, Content = content } } };
}
