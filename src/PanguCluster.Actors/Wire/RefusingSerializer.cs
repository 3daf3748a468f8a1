using Akka.Actor;
using Akka.Serialization;

namespace PanguCluster.Actors.Wire;

/// <summary>
/// Bound to System.Object, so that a type without a serializer of its own fails loudly on its way out instead of travelling by accident
/// as reflected JSON, which would also let a peer choose the type to construct.
/// </summary>
public sealed class RefusingSerializer(ExtendedActorSystem system) : Serializer(system)
{
    public override int Identifier => 7402;
    public override bool IncludeManifest => true;

    public override byte[] ToBinary(object obj) =>
        throw new NotSupportedException($"{obj.GetType().FullName} must not leave the process: it has no wire format");

    public override object FromBinary(byte[] bytes, Type type) =>
        throw new NotSupportedException($"refused to read {type?.FullName ?? "an unnamed type"} from the wire: it has no wire format");
}
