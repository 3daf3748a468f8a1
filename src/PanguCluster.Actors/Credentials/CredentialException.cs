namespace PanguCluster.Actors.Credentials;

/// <summary>A certificate, key or key file that cannot be used. The message names the file and what is wrong with it, never its content.</summary>
public sealed class CredentialException(string message) : Exception(message);
