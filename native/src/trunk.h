// The trunk handle: weights, KV cache and workspace of one decoder.
#pragma once

#include "operand.h"
#include "product.h"

namespace pangu {

struct TrunkLayer {
    const float *input_norm, *post_norm, *router_scale;
    Matrix qkv, output, gate, shared_gate_up, shared_down;
};

}  // namespace pangu

struct pangu_trunk {
    pangu_shape shape;
    int32_t max_rows, kv_blocks, max_positions, kv_type, group_output_type, embedding_type;
    bool quantized;          // weights are I8 or I4
    int32_t padded_head;     // head_dim rounded up to 16
    int64_t kv_block_bytes;  // one layer's part of a block
    pangu::Machine machine;
    const uint8_t *embedding;
    const float *final_norm;
    pangu::Matrix head;
    pangu::Buffer<pangu::TrunkLayer> layers;
    pangu::Buffer<float> cosine, sine;  // [max_positions, D/2]
    pangu::Buffer<uint8_t> cache;       // [layer][block][kv head][kv_head_bytes]
    pangu::Buffer<int32_t> runs;        // [max_rows + 1] attention: first row of every run of rows of one sequence
    pangu::Operand normed;              // [max_rows, H]
    pangu::Operand attended;            // [max_rows, heads*D]
    pangu::Operand intermediate;        // [max_rows, S]
    pangu::Buffer<float> qkv;           // [max_rows, heads*D + 2*kv_heads*D]
    pangu::Buffer<float> gate;          // [max_rows, N]

    int32_t query_width() const { return shape.heads * shape.head_dim; }
    int32_t kv_width() const { return shape.kv_heads * shape.head_dim; }
    int32_t qkv_width() const { return query_width() + 2 * kv_width(); }
    int32_t chosen() const { return shape.experts_per_token / shape.groups; }
    uint8_t *layer_cache(int32_t layer) const { return cache.data() + (int64_t)layer * kv_blocks * kv_block_bytes; }
};

namespace pangu {

// Argument checks shared by the trunk's calls; `name` is the buffer's.
pangu_status check_length(const char *name, const void *pointer, int64_t length, int64_t needed);
pangu_status check_aligned(const char *name, const void *pointer, int64_t alignment);
// The same for a buffer of numbers, which must be aligned too; one of bytes need not be.
template <class T> pangu_status check_length(const char *name, T *pointer, int64_t length, int64_t needed) {
    PANGU_TRY(check_length(name, (const void *)pointer, length, needed));
    return check_aligned(name, pointer, alignof(T));
}
inline pangu_status check_length(const char *name, void *pointer, int64_t length, int64_t needed) {
    return check_length(name, (const void *)pointer, length, needed);
}
pangu_status check_rows(int32_t rows, int32_t max_rows);
pangu_status check_layer(int32_t layer, int32_t layers);

}  // namespace pangu
