using BenchmarkDotNet.Running;
using PanguCluster.Benchmarks;

if (args is ["sessions", .. var rest])
    await SessionOpenings.Run(rest);
else
    BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
