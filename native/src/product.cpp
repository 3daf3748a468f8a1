#include "product.h"

#include "isa.h"

namespace pangu {

pangu_status Machine::open(const char *isa, int threads, int64_t floats) {
    PANGU_TRY(select_kernels(isa, &kernels));
    PANGU_TRY(pool.start(threads));
    scratch_floats = (floats + 15) & ~15LL;
    if (!tiles.allocate((int64_t)threads * 2 * kChunkRows * kLanes) || !scratch.allocate(threads * scratch_floats))
        return fail(PANGU_OUT_OF_MEMORY, "no memory for the workspace of %d threads", threads);
    return PANGU_OK;
}

Split::Split(int panels, int rows, int threads) {
    constexpr int kItemsPerThread = 4, kFewestRows = 12;  // fewer rows would re-read the weights too often
    int parts = 1;
    if (threads > 1 && panels < kItemsPerThread * threads) parts = (kItemsPerThread * threads + panels - 1) / panels;
    chunk = (rows + parts - 1) / parts;
    if (chunk < kFewestRows) chunk = kFewestRows;
    if (chunk > kChunkRows) chunk = kChunkRows;
    chunks = (rows + chunk - 1) / chunk;
}

void dense(Machine &machine, const Matrix &matrix, const RowSet &rows, int count, const DenseOutput &output) {
    int panels = matrix.output_panels();
    Split split(panels, count, machine.pool.threads());
    machine.pool.each(split.items(panels), matrix.panel_bytes * split.chunk, [&](int64_t item, int thread) {
        int panel = (int)(item / split.chunks), first = (int)(item % split.chunks) * split.chunk;
        int n = count - first < split.chunk ? count - first : split.chunk;
        float *tile = machine.tile(thread, 0), *out = output.out + first * output.stride + (int64_t)panel * kLanes;
        expect_rows(out, output.stride * 4, n, matrix.lanes(panel) * 4);
        machine.kernels->panel(matrix.panel(panel), rows, first, n, tile);
        const float *bias = matrix.bias ? matrix.bias + (int64_t)panel * kLanes : nullptr;
        machine.kernels->store_tile(tile, n, matrix.lanes(panel), bias, output.residual, out, output.stride);
    });
}

void swiglu_item(Machine &machine, const Matrix &matrix, const RowSet &rows, int panel, int first, int count, int thread, float *h,
                 int64_t stride) {
    float *gate = machine.tile(thread, 0), *up = machine.tile(thread, 1), *out = h + first * stride + (int64_t)panel * kLanes;
    expect_rows(out, stride * 4, count, matrix.lanes(panel) * 4);
    machine.kernels->panel(matrix.panel(2 * panel), rows, first, count, gate);
    machine.kernels->panel(matrix.panel(2 * panel + 1), rows, first, count, up);
    machine.kernels->swiglu(gate, up, count, matrix.lanes(panel), out, stride);
}

void swiglu(Machine &machine, const Matrix &matrix, const RowSet &rows, int count, float *h, int64_t stride) {
    int panels = matrix.output_panels();
    Split split(panels, count, machine.pool.threads());
    machine.pool.each(split.items(panels), 2 * matrix.panel_bytes * split.chunk, [&](int64_t item, int thread) {
        int panel = (int)(item / split.chunks), first = (int)(item % split.chunks) * split.chunk;
        int n = count - first < split.chunk ? count - first : split.chunk;
        swiglu_item(machine, matrix, rows, panel, first, n, thread, h, stride);
    });
}

}  // namespace pangu
