// The expert group handle: weights of one group's experts in all layers, and workspace.
#pragma once

#include "operand.h"
#include "product.h"

namespace pangu {

struct Expert {
    Matrix gate_up, down;
};

// Rows of one call sorted by expert. An entry is one (row, choice); entries of expert e are [starts[e], starts[e + 1]).
struct RowIndex {
    Buffer<int32_t> starts;   // [N/M + 1]
    Buffer<int32_t> row;      // [entry]
    Buffer<int32_t> choice;   // [entry] 0..K/M-1; 0 is the row's lowest expert id
    Buffer<float> weight;     // [entry]
    Buffer<const void *> x;   // [entry]
    Buffer<float> scale;      // [entry]
    Buffer<int32_t> sum;      // [entry]

    bool allocate(int64_t entries, int32_t experts, bool quantized);
    void build(int32_t rows, int32_t chosen, int32_t experts, const int32_t *ids, const float *weights, const RowSet &inputs, bool quantized);
    int32_t count(int32_t expert) const { return starts[expert + 1] - starts[expert]; }
    RowSet inputs() const { return {x.data(), scale.data(), sum.data()}; }
};

}  // namespace pangu

struct pangu_group {
    pangu_shape shape;
    int32_t max_rows, group_output_type;
    bool quantized;
    pangu::Machine machine;
    pangu::Buffer<pangu::Expert> experts;  // [L, N/M]
    pangu::Buffer<int64_t> items;          // [N/M + 1] scratch: first work item of each expert
    pangu::RowIndex index;
    pangu::Operand inputs;                 // [max_rows, H]
    pangu::Operand intermediate;           // [max_rows * K/M, I]
    pangu::Buffer<float> sum;              // [max_rows, H], where K/M > 1

    int32_t per_group() const { return shape.experts / shape.groups; }
    int32_t chosen() const { return shape.experts_per_token / shape.groups; }
};
