using PanguCluster.Model.Decoding;

namespace PanguCluster.Node.Bench;

/// <summary>What the rows of one step make the kernels read and compute.</summary>
/// <param name="Cached">Positions attended to, summed over sequences.</param>
/// <param name="Attended">Positions attended to, summed over rows.</param>
/// <param name="DistinctTokens">How many different ids were fed: equal rows would choose equal experts and make a batch look cheap.</param>
public readonly record struct RowCount(int Rows, int LogitRows, long Cached, long Attended, int DistinctTokens)
{
    public static RowCount Of(StepBatch batch)
    {
        long cached = 0, attended = 0;
        for (int row = 0; row < batch.Rows; row++)
        {
            int seen = batch.Positions[row] + 1;
            attended += seen;
            if (row + 1 == batch.Rows || batch.Tables[row + 1] != batch.Tables[row])
                cached += seen;
        }
        int[] tokens = batch.Tokens[..batch.Rows];
        return new RowCount(batch.Rows, batch.LogitCount, cached, attended, tokens.Distinct().Count());
    }
}
