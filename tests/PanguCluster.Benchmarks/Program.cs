using BenchmarkDotNet.Running;
using PanguCluster.Benchmarks;

if (args is ["sessions", .. var rest])
    await SessionOpenings.Run(rest);
else if (args is ["journal-cost", .. var more])
    await JournalCost.Run(more);
else
    BenchmarkSwitcher.FromAssembly(typeof(SessionOpenings).Assembly).Run(args);
