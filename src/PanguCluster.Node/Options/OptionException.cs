namespace PanguCluster.Node.Options;

/// <summary>An option that cannot be used. The message names it, its value and what would do.</summary>
public sealed class OptionException(string message) : Exception(message);
