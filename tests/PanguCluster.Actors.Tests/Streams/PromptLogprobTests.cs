using Akka.Actor;
using PanguCluster.Actors.Decoding;
using PanguCluster.Actors.Placement;
using PanguCluster.Actors.Tests.Nodes;
using PanguCluster.Model.Decoding;
using PanguCluster.Model.Sampling;
using Xunit;

namespace PanguCluster.Actors.Tests.Streams;

/// <summary>A decoder's events for a sequence that wants to know its prompt's log probabilities, told to a stream of its node or of another.</summary>
public sealed class PromptLogprobTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Prompt_should_come_before_the_answer_when_the_stream_is_near_or_far(bool far)
    {
        await using var node = await TestNode.Start(TestNode.Setup("solo", TestModel.Bf16));
        await node.Ready();
        await using var other = await TestNode.Start(TestNode.Setup("other", TestModel.Bf16) with { Roles = [NodeRoles.Gateway], SeedNodes = [node.Address] });
        var home = far ? other.System : node.System;
        var events = new TaskCompletionSource<List<DecoderProtocol.ISequenceEvent>>();
        var stream = home.ActorOf(Props.Create(() => new Listener(events)));
        int[] prompt = [.. Enumerable.Range(0, 150).Select(i => i * 13 % 199)];
        var request = new SequenceRequest(new SequenceId(Guid.NewGuid()), prompt, [], 0, 3, [], new SamplingParameters { Temperature = 0 })
        {
            PromptLogprobs = 20,
        };

        var decoder = await home.ActorSelection($"akka.tcp://{node.System.Name}@{node.Address}{DecoderPath(node)}").ResolveOne(TimeSpan.FromSeconds(10));
        decoder.Tell(new DecoderProtocol.SubmitSequence(request, stream, stream), stream);
        var told = await events.Task.WaitAsync(TimeSpan.FromSeconds(20));

        var pieces = told.TakeWhile(e => e is DecoderProtocol.SequencePrompt).Cast<DecoderProtocol.SequencePrompt>().ToArray();
        var tokens = pieces.SelectMany(p => p.Tokens).ToArray();
        Assert.True(pieces.Length > 1);
        Assert.Equal(prompt, tokens.Select(t => t.TokenId));
        Assert.True(float.IsNaN(tokens[0].Logprob));
        Assert.All(tokens.Skip(1), t => Assert.True(t.Logprob < 0 && t.Top!.Length == 20 && t.Top[0].Logprob >= t.Logprob));
        Assert.Equal(4, told.Count - pieces.Length);
        Assert.IsType<DecoderProtocol.SequenceEnded>(told[^1]);
    }

    private static string DecoderPath(TestNode node) =>
        ((ClusterView)node.Node.View).Decoders.Single(d => d.Local).Decoder.Path.ToStringWithoutAddress();

    private sealed class Listener(TaskCompletionSource<List<DecoderProtocol.ISequenceEvent>> done) : UntypedActor
    {
        private readonly List<DecoderProtocol.ISequenceEvent> _events = [];

        protected override void OnReceive(object message)
        {
            if (message is DecoderProtocol.StepResults results)
                _events.AddRange(results.Events);
            else if (message is DecoderProtocol.ISequenceEvent e)
                _events.Add(e);
            if (_events.LastOrDefault() is DecoderProtocol.SequenceEnded)
                done.TrySetResult(_events);
        }
    }
}
