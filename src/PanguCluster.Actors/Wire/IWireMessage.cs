namespace PanguCluster.Actors.Wire;

/// <summary>A message that may leave the process: <see cref="PanguSerializer"/> writes it as protobuf. Nothing else may.</summary>
public interface IWireMessage;
