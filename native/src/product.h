// Products over a handle's threads: work is cut into (panel, rows) items, each of which reads its panel front to back once.
#pragma once

#include "matrix.h"
#include "memory.h"
#include "pool.h"

namespace pangu {

// Most rows of one item: bounds the per-thread tiles.
constexpr int kChunkRows = 256;

// What a handle computes with.
struct Machine {
    const Kernels *kernels = nullptr;
    Pool pool;
    Buffer<float> tiles;    // [threads][2][kChunkRows][64]
    Buffer<float> scratch;  // [threads][scratch_floats]
    int64_t scratch_floats = 0;

    // `scratch_floats`: per thread, for attention and the like.
    pangu_status open(const char *isa, int threads, int64_t scratch_floats);
    float *tile(int thread, int which) const { return tiles.data() + (int64_t)(thread * 2 + which) * kChunkRows * kLanes; }
    float *scratch_of(int thread) const { return scratch.data() + thread * scratch_floats; }
};

// How `rows` rows meet `panels` panels: chunks of rows per panel, so that few panels still feed every thread.
struct Split {
    int chunk, chunks;
    Split(int panels, int rows, int threads);
    int64_t items(int panels) const { return (int64_t)panels * chunks; }
};

// Asks for what an item is about to write while its product is computed: `bytes` of each of `count` rows, `stride` bytes apart.
inline void expect_rows(const void *first, int64_t stride, int count, int64_t bytes) {
    for (int r = 0; r < count; r++)
        for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch((const uint8_t *)first + r * stride + i, 1, 2);
}

struct DenseOutput {
    float *out;      // [rows, stride]
    int64_t stride;
    bool residual;   // out += W x + b, else out = W x + b
};

void dense(Machine &machine, const Matrix &matrix, const RowSet &rows, int count, const DenseOutput &output);

// One item of a paired matrix: h[first + r][panel's lanes] = silu(gate) * up.
void swiglu_item(Machine &machine, const Matrix &matrix, const RowSet &rows, int panel, int first, int count, int thread, float *h,
                 int64_t stride);

// h = silu(gate) * up for all rows.
void swiglu(Machine &machine, const Matrix &matrix, const RowSet &rows, int count, float *h, int64_t stride);

}  // namespace pangu
