namespace PanguCluster.Model.Tokenization;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role">system, user, assistant, tool or function.</param>
public sealed record ChatMessage(string Role, string Content);

/// <summary>How the Pangu family writes turns: <c>[unused9]ROLE：CONTENT[unused10]</c>, the answer's turn left open.</summary>
public static class ChatFormat
{
    public const string TurnStart = "[unused9]";
    public const string TurnEnd = "[unused10]";

    /// <summary>The full-width colon after the role's name.</summary>
    public const string Colon = "：";

    internal const string EmptySystemTurn = TurnStart + "系统" + Colon + TurnEnd;

    /// <summary>The roles a message may have, for messages.</summary>
    public const string Roles = "system, user, assistant, tool, function";

    /// <summary>The role's name as the model knows it, or null for an unknown role.</summary>
    public static string? NameOf(string role) => role switch
    {
        "system" => "系统",
        "user" => "用户",
        "assistant" => "助手",
        "tool" => "工具",
        "function" => "方法",
        _ => null,
    };
}
