using PanguCluster.Model.Decoding;
using PanguCluster.Model.Shapes;

namespace PanguCluster.Node.Bench;

/// <summary>Counts the distinct (layer, expert) pairs that a step's rows chose: each is read from memory once.</summary>
internal sealed class ExpertCount(ModelShape shape)
{
    private readonly bool[] _seen = new bool[shape.ExpertsPerGroup];

    public long Distinct { get; private set; }

    public void Reset() => Distinct = 0;

    public void Add(LayerDispatch dispatch)
    {
        for (int g = 0; g < dispatch.Groups; g++)
        {
            Array.Clear(_seen);
            foreach (int expert in dispatch.ExpertsOf(g))
            {
                if (!_seen[expert])
                    Distinct++;
                _seen[expert] = true;
            }
        }
    }
}
