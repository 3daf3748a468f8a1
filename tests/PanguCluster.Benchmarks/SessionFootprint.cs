using System.Globalization;
using Akka.Actor;
using PanguCluster.Actors.Sessions;

namespace PanguCluster.Benchmarks;

/// <summary>What many sessions and long ones cost: memory awake and asleep, and the way back from the journal.</summary>
internal static class SessionFootprint
{
    /// <summary>Sessions fall asleep after it.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(3);

    private const int Sessions = 10_000;
    private const int LongAnswer = 30_000;

    public static async Task Run(ActorSystem system, IActorRef region)
    {
        await Sleep();
        long empty = Memory();
        for (int opened = 0; opened < Sessions; opened += 100)
            await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => SessionOpenings.Play(system, region, 0)));
        long awake = Memory();
        await Sleep();
        long asleep = Memory();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Sessions} sessions with prompts of 512 tokens: {(awake - empty) / 1024.0 / Sessions:0.0} KiB each awake, {(asleep - empty) / 1024.0 / Sessions:0.00} KiB asleep"));

        await SessionOpenings.Play(system, region, LongAnswer / 32, "long");
        await Sleep();
        var took = new List<double>();
        for (int i = 0; i < 3; i++)
        {
            took.Add(await Read(system, region));
            await Sleep();
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"a session of {LongAnswer} tokens is back within {took.Min():0.0} to {took.Max():0.0} ms"));
    }

    /// <returns>Milliseconds until a sleeping session has read its journal and answered.</returns>
    private static async Task<double> Read(ActorSystem system, IActorRef region)
    {
        var done = new TaskCompletionSource<SessionProtocol.Page>(TaskCreationOptions.RunContinuationsAsynchronously);
        long start = TimeProvider.System.GetTimestamp();
        var reader = system.ActorOf(Props.Create(() => new Reader(region, done)));
        var page = await done.Task;
        double took = TimeProvider.System.GetElapsedTime(start).TotalMilliseconds;
        system.Stop(reader);
        return page.Counts is [LongAnswer / 32 * 32] ? took : throw new InvalidOperationException($"the session has {string.Join(", ", page.Counts)} tokens");
    }

    private static Task Sleep() => Task.Delay(Silence + TimeSpan.FromSeconds(2));

    private static long Memory() => GC.GetTotalMemory(forceFullCollection: true);

    private sealed class Reader(IActorRef region, TaskCompletionSource<SessionProtocol.Page> done) : UntypedActor
    {
        protected override void PreStart() => region.Tell(new SessionProtocol.Read("long", 0, 0));

        protected override void OnReceive(object message)
        {
            if (message is SessionProtocol.Page page)
                done.TrySetResult(page);
        }
    }
}
