using System.Text;
using PanguCluster.Model.Packing;
using PanguCluster.Model.Shapes;
using PanguCluster.Node.Services;

namespace PanguCluster.Node.Tests.Services;

/// <summary>A served model that needs no files: vocabulary 300, context 128, one token per UTF-8 byte behind a begin token.</summary>
internal static class TestModel
{
    public const int Vocab = 300;
    public const int Context = 128;

    public static ServedModel Create(bool tokenizer = true) => new(Manifest(tokenizer), Context, tokenizer ? new ByteCodec() : null);

    public static Manifest Manifest(bool tokenizer = true, int maxPositions = 2048) => new()
    {
        LayoutVersion = 1,
        NumericsVersion = 1,
        Name = "test-model",
        Shape = new ModelShape
        {
            VocabSize = Vocab,
            HiddenSize = 64,
            Layers = 2,
            Heads = 4,
            KvHeads = 2,
            Experts = 16,
            ExpertsPerToken = 8,
            Groups = 8,
            ExpertIntermediate = 32,
            SharedIntermediate = 32,
            RmsNormEpsilon = 1e-5f,
            RopeTheta = 10000,
            MaxPositions = maxPositions,
        },
        Format = PackFormat.Bf16,
        Weights = ElementType.Bf16,
        Embedding = ElementType.Bf16,
        KvCache = ElementType.F32,
        GroupOutput = ElementType.F32,
        TensorParallelSlices = 1,
        BosTokenId = 1,
        EosTokenIds = [2],
        HasTokenizer = tokenizer,
        Chat = new ChatSettings(false),
        Files = [],
        Digest = new string('a', 64),
    };

    private sealed class ByteCodec : IPromptCodec
    {
        private const int FirstByte = 3;

        public int[] EncodeText(string text) => [1, .. Encoding.UTF8.GetBytes(text).Select(b => b + FirstByte)];

        public int[] EncodeChat(IReadOnlyList<ChatTurn> turns) => EncodeText(string.Concat(turns.Select(t => $"{t.Role}:{t.Content};")));

        public string Decode(IReadOnlyList<int> ids) => Encoding.UTF8.GetString([.. ids.Where(i => i >= FirstByte).Select(i => (byte)(i - FirstByte))]);

        public ReadOnlySpan<byte> TokenBytes(int id) => id is >= FirstByte and < FirstByte + 256 ? new byte[] { (byte)(id - FirstByte) } : [];
    }
}
