#include "group.h"

namespace pangu {

bool RowIndex::allocate(int64_t entries, int32_t experts, bool quantized) {
    if (!starts.allocate(experts + 1) || !row.allocate(entries) || !choice.allocate(entries) || !weight.allocate(entries) ||
        !x.allocate(entries))
        return false;
    return !quantized || (scale.allocate(entries) && sum.allocate(entries));
}

// Counting sort: within an expert, rows stay in ascending order.
void RowIndex::build(int32_t rows, int32_t chosen, int32_t experts, const int32_t *ids, const float *weights, const RowSet &inputs,
                     bool quantized) {
    for (int32_t e = 0; e <= experts; e++) starts[e] = 0;
    int64_t entries = (int64_t)rows * chosen;
    for (int64_t i = 0; i < entries; i++) starts[ids[i] + 1]++;
    for (int32_t e = 0; e < experts; e++) starts[e + 1] += starts[e];
    for (int64_t i = 0; i < entries; i++) {
        int32_t r = (int32_t)(i / chosen), at = starts[ids[i]]++;
        row[at] = r;
        choice[at] = (int32_t)(i % chosen);
        weight[at] = weights[i];
        x[at] = inputs.x[r];
        if (!quantized) continue;
        scale[at] = inputs.scales[r];
        sum[at] = inputs.sums[r];
    }
    // Every start has moved to its expert's end: shift back.
    for (int32_t e = experts; e > 0; e--) starts[e] = starts[e - 1];
    starts[0] = 0;
}

}  // namespace pangu
