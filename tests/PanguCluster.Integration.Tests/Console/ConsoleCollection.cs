using Xunit;

namespace PanguCluster.Integration.Tests.Console;

/// <summary>One cluster for all tests of verbs.</summary>
[CollectionDefinition(nameof(ConsoleCluster))]
public sealed class ConsoleCollection : ICollectionFixture<ConsoleCluster>;
