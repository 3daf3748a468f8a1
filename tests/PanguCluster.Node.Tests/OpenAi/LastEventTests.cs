using FsCheck.Xunit;
using PanguCluster.Node.OpenAi;
using PanguCluster.Node.Tests.Services;
using Xunit;

namespace PanguCluster.Node.Tests.OpenAi;

public class LastEventTests
{
    [Theory]
    [InlineData("s:-1", "s", new[] { 0 })]
    [InlineData("s:0", "s", new[] { 1 })]
    [InlineData("a:b:7", "a:b", new[] { 8 })]
    [InlineData("s:0,0", "s", new[] { 0, 0 })]
    [InlineData("s:3,0,12", "s", new[] { 3, 0, 12 })]
    public void Parse_should_tell_session_and_next_indices_when_the_id_is_one_of_ours(string id, string session, int[] next)
    {
        var last = LastEvent.Parse(id);

        Assert.Equal(session, last.Session);
        Assert.Equal(next, last.Next);
        Assert.Equal(id, LastEvent.IdOf(session, next));
    }

    [Theory]
    [InlineData("s")]
    [InlineData("s:")]
    [InlineData(":5")]
    [InlineData("s:-2")]
    [InlineData("s:-1,0")]
    [InlineData("s:1,")]
    [InlineData("s:x")]
    [InlineData("s: 1")]
    [InlineData("s:2147483647")]
    [InlineData("s:99999999999")]
    [InlineData("a b:5")]
    public void Parse_should_refuse_by_the_header_when_the_id_is_none_of_ours(string id)
    {
        var error = Assert.Throws<ApiException>(() => LastEvent.Parse(id)).Error;

        Assert.Equal((400, "Last-Event-ID"), (error.Status, error.Param));
    }

    [Property]
    public void Parse_should_refuse_or_read_and_never_fail_otherwise_when_the_id_is_anything(string id)
    {
        try
        {
            LastEvent.Parse(id ?? "");
        }
        catch (ApiException refused)
        {
            Assert.Equal(400, refused.Error.Status);
        }
    }

    [Theory]
    [InlineData("{}", "s:4", 1, 1)]
    [InlineData("{}", "s:4,2", 1, 2)]
    [InlineData("""{"prompt":"x","stream":true}""", "s:4", 1, 1)]
    [InlineData("""{"prompt":["x","y"],"n":2,"stream":true}""", "s:4,0,1,2", 2, 2)]
    public void Resumption_should_tell_prompts_and_choices_when_body_and_id_agree(string body, string id, int prompts, int choices)
    {
        var plan = Resumption.Plan(Bodies.Json(body), LastEvent.Parse(id), CompletionRequests.Read, TestModel.Create());

        Assert.Equal((prompts, choices, true), (plan.Prompts, plan.Choices, plan.Request.Stream));
        var second = prompts > 1 ? plan.Resume(1, "k") : plan.Resume(0, "k");
        Assert.Equal((prompts > 1 ? "s.1" : "s", "k", null), (second.SessionId, second.Owner, second.Deadline));
        Assert.Equal(plan.Next![^choices..], second.NextIndices);
        Assert.All((plan with { ReplaysFromStart = true }).Resume(0, "k").NextIndices, next => Assert.Equal(0, next));
    }

    [Theory]
    [InlineData("""{"stream":false}""", "s:4")]
    [InlineData("""{"prompt":"x"}""", "s:4")]
    [InlineData("""{"prompt":"x","stream":true,"n":2}""", "s:4")]
    [InlineData("""{"prompt":["x","y"],"stream":true}""", "s:4,4,4")]
    public void Resumption_should_be_refused_when_body_and_id_disagree(string body, string id)
    {
        var refused = Assert.Throws<ApiException>(() => Resumption.Plan(Bodies.Json(body), LastEvent.Parse(id), CompletionRequests.Read, TestModel.Create()));

        Assert.Equal("Last-Event-ID", refused.Error.Param);
    }
}
