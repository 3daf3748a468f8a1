// The main kernels at the sizes of Pangu Pro MoE (hidden 5120, expert 1344, head 128), one thread unless named otherwise.
// Arguments: rows, then 1 if the weights come from memory (a rotation far larger than the caches) or 0 if they stay in L2.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "../include/pangu.h"
#include "../src/isa.h"
#include "../src/memory.h"

namespace {

constexpr int kHidden = 5120, kStride = kHidden + 64, kLanes = pangu::kLanes;

const pangu::Kernels &kernels() {
    const pangu::Kernels *k = nullptr;
    pangu::select_kernels(nullptr, &k);
    return *k;
}

void panel(benchmark::State &state, int type, int size) {
    const int rows = (int)state.range(0);
    const int64_t panel_bytes = (int64_t)kHidden * kLanes * size, panels = state.range(1) ? (512LL << 20) / panel_bytes : 1;
    pangu::Buffer<uint8_t> weights, quants;
    pangu::Buffer<float> values, tile;
    weights.allocate(panels * panel_bytes), quants.allocate((int64_t)rows * kStride);
    values.allocate((int64_t)rows * kStride), tile.allocate((int64_t)rows * kLanes);
    memset(weights.data(), type == PANGU_I8 ? 131 : 0x3c, (size_t)(panels * panel_bytes));
    std::vector<float> scales(kLanes, 1.0f), row_scales((size_t)rows, 1.0f);
    std::vector<int32_t> sums((size_t)rows, 0);
    std::vector<const void *> x;
    for (int r = 0; r < rows; r++)
        x.push_back(type == PANGU_I8 ? (const void *)(quants.data() + (int64_t)r * kStride) : values.data() + (int64_t)r * kStride);
    int64_t i = 0;
    for (auto _ : state) {
        kernels().panel({type, kHidden, weights.data() + i * panel_bytes, scales.data()}, {x.data(), row_scales.data(), sums.data()}, 0, rows, tile.data());
        i = i + 1 == panels ? 0 : i + 1;
        benchmark::ClobberMemory();
    }
    double operations = 2.0 * kLanes * kHidden * rows;
    state.counters["GOPS"] = benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
    state.counters["weights_GB/s"] = benchmark::Counter((double)panel_bytes * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void panel_int8(benchmark::State &state) { panel(state, PANGU_I8, 1); }
void panel_bf16(benchmark::State &state) { panel(state, PANGU_BF16, 2); }
void panel_f32(benchmark::State &state) { panel(state, PANGU_F32, 4); }

void rows_and_place(benchmark::internal::Benchmark *b) {
    for (int place : {0, 1})
        for (int rows : {1, 2, 4, 6, 8, 12, 24, 64}) b->Args({rows, place});
}
BENCHMARK(panel_int8)->Apply(rows_and_place);
BENCHMARK(panel_bf16)->Apply(rows_and_place);
BENCHMARK(panel_f32)->Args({1, 0})->Args({6, 0});

// One row's attention over all kv heads; argument: position.
void attend(benchmark::State &state, int type) {
    const int heads = 40, kv_heads = 8, dim = 128, size = type == PANGU_F32 ? 4 : 2, position = (int)state.range(0);
    const int64_t block_bytes = 2LL * kv_heads * pangu::kKvBlock * dim * size, blocks = position / pangu::kKvBlock + 1;
    pangu::Buffer<uint8_t> cache;
    pangu::Buffer<float> queries, output, scratch;
    cache.allocate(blocks * block_bytes), queries.allocate(heads * dim), output.allocate(heads * dim), scratch.allocate(5 * (2 * dim + 2));
    std::vector<int32_t> table;
    for (int32_t i = 0; i < blocks; i++) table.push_back(i);
    pangu::AttendArgs a = {1, &position, queries.data(), 0, output.data(), 0, cache.data(), block_bytes, table.data(), kv_heads, heads / kv_heads, dim, dim, type, 0.1f};
    for (auto _ : state) {
        for (int h = 0; h < kv_heads; h++) kernels().attend(a, h, scratch.data());
        benchmark::ClobberMemory();
    }
    state.counters["GOPS"] = benchmark::Counter(4e-9 * heads * dim * (position + 1), benchmark::Counter::kIsIterationInvariantRate);
}
void attend_f32(benchmark::State &state) { attend(state, PANGU_F32); }
void attend_bf16(benchmark::State &state) { attend(state, PANGU_BF16); }
BENCHMARK(attend_f32)->Arg(63)->Arg(1023)->Arg(8191);
BENCHMARK(attend_bf16)->Arg(63)->Arg(1023)->Arg(8191);

void rms_and_quantize(benchmark::State &state) {
    std::vector<float> x(kHidden, 1.0f), w(kHidden, 1.0f), y(kHidden);
    std::vector<int8_t> q(kHidden);
    float scale;
    for (auto _ : state) {
        kernels().rms(x.data(), w.data(), kHidden, 1e-5f, y.data());
        benchmark::DoNotOptimize(kernels().quantize(y.data(), kHidden, kHidden, q.data(), &scale));
    }
}
BENCHMARK(rms_and_quantize);

// A whole expert group (8 experts) through the C interface. Arguments: rows, threads.
void group_forward(benchmark::State &state, int type) {
    const int rows = (int)state.range(0), experts = 8, intermediate = 1344, layers = type == PANGU_I8 ? 3 : 2, size = type == PANGU_I8 ? 1 : 2;
    const int64_t matrix = (int64_t)kHidden * intermediate * size, panel_rows = 2 * intermediate > kHidden ? 2 * intermediate : kHidden;
    const int64_t stride = 3 * matrix + panel_rows * 8;
    pangu::Buffer<uint8_t> file;
    file.allocate(stride * experts * layers);
    memset(file.data(), type == PANGU_I8 ? 131 : 0x3c, (size_t)file.size());
    std::vector<pangu_expert> e;
    for (int64_t at = 0; (int)e.size() < experts * layers; at += stride)
        e.push_back({{type, intermediate, kHidden, 1, at, at + 3 * matrix, -1}, {type, kHidden, intermediate, 0, at + 2 * matrix, at + 3 * matrix + panel_rows * 4, -1}});
    pangu_group_desc d = {};
    d.struct_bytes = sizeof d, d.threads = (int)state.range(1), d.max_rows = 512, d.group_output_type = type == PANGU_I8 ? PANGU_BF16 : PANGU_F32;
    d.shape = {32000, kHidden, layers, 40, 8, 128, 64, 8, 8, intermediate, 5376, 1e-5f};
    d.file = file.data(), d.file_bytes = file.size(), d.experts = e.data();
    pangu_group *group = nullptr;
    if (pangu_group_open(&d, &group) != PANGU_OK) return state.SkipWithError(pangu_last_error());
    std::vector<uint8_t> activations((size_t)rows * kHidden * 4, 1), output((size_t)rows * kHidden * 4);
    std::vector<int32_t> ids;
    std::vector<float> weights((size_t)rows, 0.1f);
    for (int r = 0; r < rows; r++) ids.push_back(r % experts);
    int layer = 0;
    for (auto _ : state) {
        pangu_group_forward(group, layer, rows, activations.data(), (int64_t)activations.size(), ids.data(), rows, weights.data(), rows, output.data(), (int64_t)output.size());
        layer = (layer + 1) % layers;
    }
    pangu_group_close(group);
    int touched = rows < experts ? rows : experts;
    state.counters["GOPS"] = benchmark::Counter(6e-9 * kHidden * intermediate * rows, benchmark::Counter::kIsIterationInvariantRate);
    state.counters["weights_GB/s"] = benchmark::Counter(3e-9 * (double)matrix * touched, benchmark::Counter::kIsIterationInvariantRate);
}
void group_int8(benchmark::State &state) { group_forward(state, PANGU_I8); }
void group_bf16(benchmark::State &state) { group_forward(state, PANGU_BF16); }
void rows_and_threads(benchmark::internal::Benchmark *b) {
    for (int threads : {1, 2})
        for (int rows : {1, 8, 32, 128, 512}) b->Args({rows, threads});
    b->UseRealTime();
}
BENCHMARK(group_int8)->Apply(rows_and_threads);
BENCHMARK(group_bf16)->Apply(rows_and_threads);

void noop(benchmark::State &state) {
    for (auto _ : state) benchmark::DoNotOptimize(pangu_noop(1));
}
BENCHMARK(noop);

}  // namespace

BENCHMARK_MAIN();
