// What the fixed order of float sums costs: the kernels that add floats along a row, against the same work with the order freed (as many
// independent sums as hide the latency). Integer products need no such pair: their sums are exact in any order. Interleaved, medians, one
// thread. Then the share of a decode step of one row that this is, given the step's milliseconds.
// usage: order_bench [hidden] [layers] [milliseconds of a step]     needs AVX-512
#include <immintrin.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../src/isa.h"
#include "../src/memory.h"

namespace {

constexpr int kGateOutputs = 64, kGroups = 8, kRounds = 201, kCalls = 200;

double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

void opaque(const void *p) { __asm__ volatile("" : : "r"(p) : "memory"); }

float freed_square_sum(const float *x, int n) {
    __m512 s[8];
    for (auto &v : s) v = _mm512_setzero_ps();
    for (int i = 0; i < n; i += 128)
        for (int j = 0; j < 8; j++) {
            __m512 v = _mm512_loadu_ps(x + i + 16 * j);
            s[j] = _mm512_fmadd_ps(v, v, s[j]);
        }
    for (int j = 1; j < 8; j++) s[0] = _mm512_add_ps(s[0], s[j]);
    return _mm512_reduce_add_ps(s[0]);
}

void freed_rms(const float *x, const float *w, int n, float epsilon, float *y) {
    __m512 r = _mm512_set1_ps(1.0f / __builtin_sqrtf(freed_square_sum(x, n) / (float)n + epsilon));
    for (int i = 0; i < n; i += 16) _mm512_storeu_ps(y + i, _mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(x + i), r), _mm512_loadu_ps(w + i)));
}

// 64 outputs of one row, four sums for each.
void freed_gate(const float *w, const float *x, int inputs, float *out) {
    __m512 s[4][4];
    for (auto &chain : s)
        for (auto &v : chain) v = _mm512_setzero_ps();
#pragma GCC unroll 1
    for (int k = 0; k < inputs; k += 4)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
#pragma GCC unroll 4
            for (int c = 0; c < 4; c++)
                s[j][c] = _mm512_fmadd_ps(_mm512_load_ps(w + (int64_t)(k + j) * kGateOutputs + 16 * c), _mm512_set1_ps(x[k + j]), s[j][c]);
    for (int c = 0; c < 4; c++)
        _mm512_storeu_ps(out + 16 * c, _mm512_add_ps(_mm512_add_ps(s[0][c], s[1][c]), _mm512_add_ps(s[2][c], s[3][c])));
}

__m512 widened(const uint16_t *p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}

// Groups in pairs, instead of one after the other.
void freed_combine(const uint16_t *outputs, int n, const float *shared, float *hidden) {
    for (int i = 0; i < n; i += 16) {
        __m512 pair[4];
        for (int g = 0; g < 4; g++) pair[g] = _mm512_add_ps(widened(outputs + (int64_t)2 * g * n + i), widened(outputs + (int64_t)(2 * g + 1) * n + i));
        __m512 sum = _mm512_add_ps(_mm512_add_ps(pair[0], pair[1]), _mm512_add_ps(pair[2], pair[3]));
        _mm512_storeu_ps(hidden + i, _mm512_add_ps(_mm512_loadu_ps(hidden + i), _mm512_add_ps(sum, _mm512_loadu_ps(shared + i))));
    }
}

template <class Body> double timed(const Body &body) {
    double start = now();
    for (int i = 0; i < kCalls; i++) body();
    return (now() - start) / kCalls;
}

// Microseconds that order costs in one call.
template <class Fixed, class Freed> double compare(const char *name, const Fixed &fixed, const Freed &freed) {
    std::vector<double> a, b;
    for (int i = 0; i < kRounds; i++) a.push_back(timed(fixed)), b.push_back(timed(freed));
    std::sort(a.begin(), a.end()), std::sort(b.begin(), b.end());
    double x = a[kRounds / 2], y = b[kRounds / 2];
    printf("%-10s fixed %7.3f us   freed %7.3f us   %5.2fx\n", name, x, y, x / y);
    return x - y;
}

}  // namespace

int main(int count, char **args) {
    int hidden = count > 1 ? atoi(args[1]) : 5120, layers = count > 2 ? atoi(args[2]) : 4;
    double step = count > 3 ? atof(args[3]) : 0;
    const pangu::Kernels *k = nullptr;
    if (hidden < 128 || hidden % 128 != 0 || pangu::select_kernels("avx512", &k) != PANGU_OK) return puts("needs AVX-512, and a hidden size that 128 divides"), 1;
    pangu::Buffer<float> x, w, y, gate, shared, tile;
    pangu::Buffer<uint16_t> outputs;
    if (!x.allocate(hidden) || !w.allocate(hidden) || !y.allocate(hidden) || !shared.allocate(hidden) || !tile.allocate(kGateOutputs) ||
        !gate.allocate((int64_t)hidden * kGateOutputs) || !outputs.allocate((int64_t)hidden * kGroups)) return puts("no memory"), 1;
    for (int i = 0; i < hidden; i++) x[i] = (float)(i % 17) * 0.01f, w[i] = 1.0f;
    const void *row = x.data();
    double norm = compare("norm", [&] { k->rms(x.data(), w.data(), hidden, 1e-5f, y.data()), opaque(y.data()); },
                          [&] { freed_rms(x.data(), w.data(), hidden, 1e-5f, y.data()), opaque(y.data()); });
    double router = compare("gate", [&] { k->panel({PANGU_F32, hidden, gate.data(), nullptr}, {&row, nullptr, nullptr}, 0, 1, tile.data()), opaque(tile.data()); },
                            [&] { freed_gate(gate.data(), x.data(), hidden, tile.data()), opaque(tile.data()); });
    double sum = compare("combine", [&] { k->combine(PANGU_BF16, (const uint8_t *)outputs.data(), hidden * 2LL, kGroups, shared.data(), hidden, y.data()), opaque(y.data()); },
                         [&] { freed_combine(outputs.data(), hidden, shared.data(), y.data()), opaque(y.data()); });
    double cost = (layers * (2 * norm + router + sum) + norm) * 1e-3;
    printf("%d layers: %.4f ms", layers, cost);
    if (step > 0) printf(", %.2f %% of a step of %.2f ms", 100 * cost / step, step);
    puts("");
}
