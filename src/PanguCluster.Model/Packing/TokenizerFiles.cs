using PanguCluster.Model.Checkpoints;
using PanguCluster.Model.Tokenization;

namespace PanguCluster.Model.Packing;

/// <summary>What a checkpoint folder's tokenizer files add to a packed model. A checkpoint without tokenizer.model has none of it.</summary>
internal sealed class TokenizerFiles
{
    private const int ChunkBytes = 1 << 20;

    private readonly string _folder;
    private readonly string[] _names;
    private readonly IReadOnlyList<int> _ends;

    private TokenizerFiles(string folder, string[] names, IReadOnlyList<int> ends, ChatSettings chat)
    {
        _folder = folder;
        _names = names;
        _ends = ends;
        Chat = chat;
    }

    public ChatSettings Chat { get; }

    /// <exception cref="ModelFormatException">The files are damaged, or their vocabulary is larger than the model's.</exception>
    public static TokenizerFiles Inspect(string folder, CheckpointConfig config)
    {
        if (!File.Exists(Path.Combine(folder, ManifestRules.TokenizerFile)))
            return new TokenizerFiles(folder, [], [], new ChatSettings(DefaultSystemTurn: false));
        var tokenizer = PanguTokenizer.Open(folder);
        int vocabulary = config.Shape.VocabSize;
        if (tokenizer.VocabularySize > vocabulary)
            throw new ModelFormatException(
                $"{folder}: the tokenizer has {tokenizer.VocabularySize} tokens, config.json has vocab_size {vocabulary}: they belong to different models");
        string[] names = File.Exists(Path.Combine(folder, ManifestRules.TokenizerConfigFile))
            ? [ManifestRules.TokenizerFile, ManifestRules.TokenizerConfigFile]
            : [ManifestRules.TokenizerFile];
        int[] ends = tokenizer.EndOfTurnId is { } end ? [end] : [];
        return new TokenizerFiles(folder, names, ends, new ChatSettings(ChatTemplates.WritesDefaultSystemTurn(folder)));
    }

    /// <summary>The configuration with the token that ends a turn among those that end a generation.</summary>
    public CheckpointConfig Complete(CheckpointConfig config) =>
        config with { EosTokenIds = [.. config.EosTokenIds.Concat(_ends).Distinct()] };

    public IEnumerable<PackedFile> Copy(string destination, CancellationToken cancel)
    {
        foreach (string name in _names)
        {
            using var source = File.OpenRead(Path.Combine(_folder, name));
            using var file = new PackedFileWriter(destination, name, cancel);
            byte[] buffer = new byte[ChunkBytes];
            for (int read = source.Read(buffer); read > 0; read = source.Read(buffer))
                file.Write(buffer.AsSpan(0, read));
            yield return file.Finish(file.Position);
        }
    }
}
