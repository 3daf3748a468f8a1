using System.Text.Unicode;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace PanguCluster.Node.Services;

/// <summary>
/// Finds the string field that made a message unreadable. The protobuf library only says "String is invalid UTF-8"; a caller needs
/// the field's name. Walks the wire format beside the descriptor.
/// </summary>
public static class BadField
{
    /// <summary>Deeper than any message of ours; the library itself stops at 100.</summary>
    private const int MaxDepth = 32;

    /// <summary>Path of the first string field with bytes that are no UTF-8, like <c>chat.messages[2].content</c>; null when there is none.</summary>
    public static string? FindInvalidUtf8(MessageDescriptor type, byte[] message)
    {
        try
        {
            return Walk(type, message, "", 0);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private static string? Walk(MessageDescriptor type, byte[] message, string path, int depth)
    {
        if (depth > MaxDepth)
            return null;
        var input = new CodedInputStream(message);
        var seen = new Dictionary<int, int>();
        while (input.ReadTag() is var tag and not 0)
        {
            int number = WireFormat.GetTagFieldNumber(tag);
            var field = type.FindFieldByNumber(number);
            if (WireFormat.GetTagWireType(tag) != WireFormat.WireType.LengthDelimited || field is null)
            {
                input.SkipLastField();
                continue;
            }
            int at = seen.GetValueOrDefault(number);
            seen[number] = at + 1;
            string name = path + field.Name + (field.IsRepeated ? $"[{at}]" : "");
            byte[] content = input.ReadBytes().ToByteArray();
            string? bad = field.FieldType switch
            {
                FieldType.String => Utf8.IsValid(content) ? null : name,
                FieldType.Message => Walk(field.MessageType, content, name + ".", depth + 1),
                _ => null,
            };
            if (bad is not null)
                return bad;
        }
        return null;
    }
}
