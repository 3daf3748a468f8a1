// Int8 products of attention without vpdpbusd: the few query heads of a tile are widened to 16 bits once, cache elements as they are
// read. vpmaddwd is exact here (255 * 127 * 2 fits 32 bits); each 32-bit lane holds half of a sum until the end.

#define PANGU_WIDENED_KV

constexpr int kKvTileRows = 6;
template <int R> constexpr int kKvColumns = 4;
constexpr int kWidenedKvSteps = 64;  // groups of 4 inputs widened at a time

static void widen_row(const int8_t *x, int inputs, int16_t *to) {
    int i = 0;
    for (; i + 16 <= inputs; i += 16) _mm256_store_si256((__m256i *)(to + i), _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x + i))));
    for (; i < inputs; i++) to[i] = x[i];
}

struct WidenedPair { __m256i a, b; };  // half sums of outputs 0-3 and 4-7

// Inline assembly because gcc 12 computes all products of a step before it adds any, and so moves the sums through the stack (measured
// 1.4 times slower).
static inline __attribute__((always_inline)) void widened_step(WidenedPair &s, __m256i a, __m256i b, const int16_t *x) {
    __m256i v, t;
    __asm__("vpbroadcastq %6, %2\n\tvpmaddwd %2, %4, %3\n\tvpaddd %3, %0, %0\n\tvpmaddwd %2, %5, %2\n\tvpaddd %2, %1, %1"
            : "+x"(s.a), "+x"(s.b), "=&x"(v), "=&x"(t)
            : "x"(a), "x"(b), "m"(*(const int64_t *)x));
}

static inline __attribute__((always_inline)) void widened_add(const WidenedPair &s, int32_t *t, bool first) {
    __m256i sum = _mm256_permute4x64_epi64(_mm256_hadd_epi32(s.a, s.b), 0xD8);
    _mm256_storeu_si256((__m256i *)t, first ? sum : _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)t), sum));
}

// As kv_tile.
template <int R, int C, int First, int Each>
static void widened_kv_tile(const uint8_t *w, int64_t stride, int steps, const int8_t *x, int64_t row, int64_t ahead, int32_t *sums) {
    alignas(32) int16_t wide[R][4 * kWidenedKvSteps];
    constexpr int next = 4 * kWidenedKvSteps;
    const WidenedPair zero = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int k0 = 0; k0 < steps; k0 += kWidenedKvSteps, w += kWidenedKvSteps * stride, x += 4 * kWidenedKvSteps) {
        int n = steps - k0 < kWidenedKvSteps ? steps - k0 : kWidenedKvSteps;
        for (int r = 0; r < R; r++) widen_row(x + r * row, 4 * n, wide[r]);
        for (int c = 0; c < 2 * C; c++) {  // columns of 8 lanes
            WidenedPair s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero;
            const uint8_t *from = w + 32 * c;
            const int16_t *p = wide[0];
            for (int k = 0; k < n; k++, from += stride, p += 4) {
                if (c % (2 * Each) == 2 * First) __builtin_prefetch(from + ahead, 0, 2);
                __m256i a = _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i *)from));
                __m256i b = _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i *)(from + 16)));
                widened_step(s0, a, b, p);
                if constexpr (R > 1) widened_step(s1, a, b, p + next);
                if constexpr (R > 2) widened_step(s2, a, b, p + 2 * next);
                if constexpr (R > 3) widened_step(s3, a, b, p + 3 * next);
                if constexpr (R > 4) widened_step(s4, a, b, p + 4 * next);
                if constexpr (R > 5) widened_step(s5, a, b, p + 5 * next);
            }
            int32_t *t = sums + 8 * c;
            widened_add(s0, t, k0 == 0);
            if constexpr (R > 1) widened_add(s1, t + kLanes, k0 == 0);
            if constexpr (R > 2) widened_add(s2, t + 2 * kLanes, k0 == 0);
            if constexpr (R > 3) widened_add(s3, t + 3 * kLanes, k0 == 0);
            if constexpr (R > 4) widened_add(s4, t + 4 * kLanes, k0 == 0);
            if constexpr (R > 5) widened_add(s5, t + 5 * kLanes, k0 == 0);
        }
    }
}
