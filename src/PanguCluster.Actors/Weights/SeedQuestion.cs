using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Event;
using PanguCluster.Actors.Credentials;

namespace PanguCluster.Actors.Weights;

/// <summary>Asks seed nodes for the model they serve, from an actor system that lives no longer than that: the node's own needs the model to start.</summary>
internal static class SeedQuestion
{
    private const string SystemName = "pangu-join";

    /// <exception cref="GroupFileException">Nobody has answered within the settings' patience; names the seeds.</exception>
    public static async Task<ModelOfferProtocol.ModelOffer> AskAsync(JoinSettings settings, TimeProvider time, CancellationToken stop)
    {
        bool tls = settings.Credentials is not null;
        string[] paths = [.. settings.Seeds.Select(s => $"{PanguNodeSetup.ParseSeed(s, tls)}/user/{ModelOfferProtocol.ActorName}")];
        var setup = ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(PanguNodeHocon.OfAsker(settings.Host, settings.AdvertisedHost, tls)));
        if (settings.Credentials is { } credentials)
            setup = setup.And(ClusterTls.Setup(credentials));
        var system = ActorSystem.Create(SystemName, setup);
        try
        {
            var answer = new SeedAnswer();
            system.EventStream.Subscribe(system.ActorOf(Props.Create(() => new Asker(paths, settings.AskAgain, answer)), "asker"), typeof(Warning));
            long start = time.GetTimestamp();
            // A handshake that is refused ends the system: there is nothing to wait for then.
            var end = Task.WhenAny(answer.Offer.Task, system.WhenTerminated);
            if (await EndsInTimeAsync(end, settings.Patience, time, stop).ConfigureAwait(false) && answer.Offer.Task.IsCompleted)
                return await answer.Offer.Task.ConfigureAwait(false);
            string last = answer.Trouble is { } reason ? $" ({reason})" : "";
            throw new GroupFileException(
                $"no node at {string.Join(", ", settings.Seeds)} has said within {time.GetElapsedTime(start).TotalSeconds:0} s which model the cluster serves{last}");
        }
        finally
        {
            await system.Terminate().ConfigureAwait(false);
        }
    }

    private static async Task<bool> EndsInTimeAsync(Task end, TimeSpan patience, TimeProvider time, CancellationToken stop)
    {
        try
        {
            await end.WaitAsync(patience, time, stop).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>What has come of the question so far.</summary>
    private sealed class SeedAnswer
    {
        private const int MaxTrouble = 300;
        private string? _trouble;

        public TaskCompletionSource<ModelOfferProtocol.ModelOffer> Offer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The last thing that remoting complained of.</summary>
        public string? Trouble
        {
            get => Volatile.Read(ref _trouble);
            set => Volatile.Write(ref _trouble, value is { Length: > MaxTrouble } ? value[..MaxTrouble] : value);
        }
    }

    /// <summary>Asks all seeds at once, again and again.</summary>
    private sealed class Asker(string[] paths, TimeSpan again, SeedAnswer answer) : UntypedActor, IWithTimers
    {
        public ITimerScheduler Timers { get; set; } = null!;

        protected override void PreStart()
        {
            Ask();
            Timers.StartPeriodicTimer(typeof(AskAgain), AskAgain.Instance, again);
        }

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case AskAgain:
                    Ask();
                    break;
                case ModelOfferProtocol.ModelOffer offer:
                    answer.Offer.TrySetResult(offer);
                    break;
                case LogEvent log:
                    answer.Trouble = log.Message?.ToString()?.ReplaceLineEndings(" ");
                    break;
                default:
                    Unhandled(message);
                    break;
            }
        }

        private void Ask()
        {
            foreach (string path in paths)
                Context.ActorSelection(path).Tell(ModelOfferProtocol.ModelAsk.Instance);
        }

        private sealed record AskAgain
        {
            public static readonly AskAgain Instance = new();
        }
    }
}
