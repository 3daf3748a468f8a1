// Every test starts real nodes; two clusters at once on a small machine only slow each other.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
