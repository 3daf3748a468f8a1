// The table of kernels that each instruction set fills in. Plain functions over caller-owned memory: no state, no allocation, no failure
// (arguments are checked before a kernel runs). "tile" buffers are f32 [rows][64].
#pragma once

#include <cstdint>

#include "../../include/pangu.h"

namespace pangu {

constexpr int kLanes = 64;        // outputs of a panel
constexpr int kFloatBlock = 512;  // inputs of one chain of a float product (NUMERICS.md)
constexpr int kKvBlock = 64;      // positions of a KV block, and of an attention step

// I4 (PanelTensor): groups of inputs with a scale per output; a panel's stream is, for each group, 64 scales (bf16), then the nibbles.
constexpr int kWeightGroup = 128;
constexpr int64_t kGroupScaleBytes = kLanes * 2;
constexpr int64_t kGroupBytes = kGroupScaleBytes + kLanes * kWeightGroup / 2;  // of a whole group; the last may be shorter

constexpr int weight_groups(int inputs) { return (inputs + kWeightGroup - 1) / kWeightGroup; }

// A row that meets I4 weights: int8 padded with zeros to a multiple of 64, then for every group -8 * the sum of its values, int32.
constexpr int64_t correction_offset(int inputs) { return ((int64_t)inputs + 63) & ~63LL; }

// One panel of 64 outputs of a packed matrix.
struct Panel {
    int32_t type;          // PANGU_F32, PANGU_BF16, PANGU_F16, PANGU_I8, PANGU_I4
    int32_t inputs;        // K
    const void *weights;   // 64-byte aligned
    const float *scales;   // [64], I8 only
};

// Rows that meet a matrix, through pointers: a row may lie anywhere. For I8 a row is int8 padded with zeros to a multiple of 4; for I4
// see correction_offset.
struct RowSet {
    const void *const *x;
    const float *scales;   // [row], I8 and I4 only
    const int32_t *sums;   // [row] sum of the row's int8 values, I8 only
};

// Bytes of one kv head's part of a block: keys and values; int8 has a scale for each of the 64 keys and values.
constexpr int64_t kv_head_bytes(int32_t type, int padded_dim) {
    if (type == PANGU_I8) return 2LL * kKvBlock * (padded_dim + 4);
    return 2LL * kKvBlock * padded_dim * (type == PANGU_F32 ? 4 : 2);
}

constexpr int kAttendRows = 16;   // most rows of one attend call

// Rows of one sequence, in ascending position.
struct AttendArgs {
    int32_t rows;
    const int32_t *positions;  // [rows]
    const float *queries;   // [rows][heads][dim] after RoPE, query_stride from row to row
    int64_t query_stride;
    float *output;          // [rows][heads][dim], output_stride from row to row
    int64_t output_stride;
    const uint8_t *cache;   // this layer's keys and values of block 0
    int64_t block_bytes;    // from one block to the next
    const int32_t *table;   // block ids of the sequence
    int32_t kv_heads, heads_per_kv, dim, padded_dim;
    int32_t kv_type;
    float scale;
};

struct RouteArgs {
    const float *gate;         // [experts] logits of one row
    const float *router_scale; // [experts]
    int32_t experts, groups, per_group, chosen;
    float *scores;             // scratch [experts rounded up to 16]
    int32_t *ids;              // out: group g's ids at g * group_stride
    float *weights;            // out: same layout
    int64_t group_stride;
};

struct Kernels {
    const char *name;

    // tile[r] = W x[first + r] for `count` rows; no bias.
    void (*panel)(const Panel &panel, const RowSet &rows, int first, int count, float *tile);
    // out[r][0..lanes) = tile[r] (+ bias) or, with residual, out + (tile + bias).
    void (*store_tile)(const float *tile, int count, int lanes, const float *bias, bool residual, float *out, int64_t stride);
    // out[r][0..lanes) = silu(gate[r]) * up[r].
    void (*swiglu)(const float *gate, const float *up, int count, int lanes, float *out, int64_t stride);
    // y = fma(weight, f, start ? +0 : y) over n lanes.
    void (*accumulate)(const float *f, int n, float weight, bool start, float *y);
    // y = fma(weight, f, +0) over n lanes, rounded to `type`: accumulate and narrow of a row's only expert.
    void (*weigh)(int32_t type, const float *f, int n, float weight, void *y);

    void (*rms)(const float *x, const float *weight, int n, float epsilon, float *y);
    // Writes q[0..n) and zeros to q[n..padded); returns the sum of q.
    int32_t (*quantize)(const float *x, int n, int padded, int8_t *q, float *scale);
    int32_t (*sum_int8)(const int8_t *q, int n);
    void (*widen)(int32_t type, const void *x, int n, float *y);
    void (*narrow)(int32_t type, const float *x, int n, void *y);
    // hidden += (sum over groups of outputs[g], ascending) + shared, over n lanes; group_bytes from one group to the next.
    void (*combine)(int32_t type, const uint8_t *outputs, int64_t group_bytes, int groups, const float *shared, int n, float *hidden);

    // In place on `heads` heads of `dim`; cosine and sine rows of dim/2.
    void (*rope)(float *x, int heads, int dim, const float *cosine, const float *sine);
    // One key and value of one kv head (dim elements each) into slot 0..63 of a block; keys: that head's part of the block.
    void (*store_kv)(int32_t type, const float *key, const float *value, int dim, int padded_dim, int slot, uint8_t *keys);
    // Attention of up to kAttendRows rows for one kv head; scratch: f32 [rows][heads_per_kv][2 * padded_dim + 2].
    void (*attend)(const AttendArgs &args, int kv_head, float *scratch);
    void (*route)(const RouteArgs &args);

    // Probes: a checksum that keeps the work alive, and operations per iteration.
    uint64_t (*probe_read)(const uint8_t *bytes, int64_t length);
    uint64_t (*probe_int8)(int64_t iterations);
    uint64_t (*probe_fp32)(int64_t iterations);
    double int8_operations;
    double fp32_operations;

    // For tests: the elementary functions over arrays, and reduce16.
    void (*exp_array)(const float *x, int n, float *y);
    void (*silu_array)(const float *x, int n, float *y);
    float (*dot16)(const float *a, const float *b, int n);
    float (*sum16)(const float *a, int n);
    void (*fma_array)(const float *a, const float *b, const float *c, int n, float *y);
};

extern const Kernels kAvx512Kernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kPortableKernels;

}  // namespace pangu
