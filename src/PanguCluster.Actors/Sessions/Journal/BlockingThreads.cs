using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace PanguCluster.Actors.Sessions.Journal;

/// <summary>
/// Threads to block on. <c>await threads.Enter()</c> goes on there, and stays until something is awaited that is not done yet. SQLite's methods
/// block whatever they are called; on the thread pool, which has as many threads as cores, that holds up heartbeats.
/// </summary>
internal sealed class BlockingThreads
{
    private readonly BlockingCollection<Action> _work = [];

    public BlockingThreads(string name, int count)
    {
        for (int i = 0; i < count; i++)
            new Thread(Run) { IsBackground = true, Name = $"{name}-{i}" }.Start();
    }

    public Entry Enter() => new(this);

    private void Run()
    {
        foreach (var action in _work.GetConsumingEnumerable())
            action();
    }

    public readonly struct Entry(BlockingThreads threads) : ICriticalNotifyCompletion
    {
        public bool IsCompleted => false;

        public Entry GetAwaiter() => this;

        public void GetResult()
        {
        }

        public void OnCompleted(Action continuation) => threads._work.Add(continuation);

        public void UnsafeOnCompleted(Action continuation) => threads._work.Add(continuation);
    }
}
