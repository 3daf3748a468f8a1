using System.Text.Json;
using System.Text.Json.Serialization;
using PanguCluster.Actors.Credentials;

namespace PanguCluster.Node.Security;

/// <summary>The file of API keys: a JSON object with one list, <c>keys</c>. Holds hashes only, but decides who comes in.</summary>
public static class KeyFile
{
    public const int MaxKeys = 10_000;
    private const int MaxBytes = 8 << 20;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter<KeyRole>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    private sealed record Content(IReadOnlyList<ApiKey> Keys);

    /// <exception cref="CredentialException">The file cannot be read, or a field is wrong; names file and field.</exception>
    public static IReadOnlyList<ApiKey> Read(string file) => Parse(file, ReadBytes(file));

    /// <exception cref="CredentialException">The file cannot be read or is too large.</exception>
    public static byte[] ReadBytes(string file)
    {
        try
        {
            return new FileInfo(file).Length <= MaxBytes
                ? File.ReadAllBytes(file)
                : throw new CredentialException($"{file}: larger than {MaxBytes} bytes");
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            throw new CredentialException($"{file}: {missing.Message}");
        }
    }

    /// <exception cref="CredentialException">A field is wrong; names file and field.</exception>
    public static IReadOnlyList<ApiKey> Parse(string file, ReadOnlySpan<byte> content)
    {
        try
        {
            var keys = (JsonSerializer.Deserialize<Content>(content, Json) ?? throw new CredentialException($"{file}: expected a JSON object")).Keys;
            return Check(file, keys);
        }
        catch (JsonException wrong)
        {
            throw new CredentialException($"{file}: {wrong.Path}: {wrong.Message.Split(" Path:", 2)[0]}");
        }
    }

    /// <summary>Replaces the file in one step, readable and writable by its owner alone.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string file, IReadOnlyList<ApiKey> keys)
    {
        string fresh = file + ".new";
        File.Delete(fresh);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        using (var stream = new FileStream(fresh, options))
        {
            JsonSerializer.Serialize(stream, new Content(keys), Json);
            stream.Flush(flushToDisk: true);
        }
        File.Move(fresh, file, overwrite: true);
    }

    private static IReadOnlyList<ApiKey> Check(string file, IReadOnlyList<ApiKey> keys)
    {
        if (keys.Count > MaxKeys)
            throw new CredentialException($"{file}: {keys.Count} keys; the limit is {MaxKeys}");
        var ids = new HashSet<string>();
        for (int i = 0; i < keys.Count; i++)
        {
            if (keys[i] is null)
                throw new CredentialException($"{file}: keys[{i}]: expected an object");
            if (keys[i].Problem() is { } problem)
                throw new CredentialException($"{file}: keys[{i}].{problem}");
            if (!ids.Add(keys[i].Id))
                throw new CredentialException($"{file}: keys[{i}].id: '{keys[i].Id}' is there twice");
        }
        return keys;
    }
}
