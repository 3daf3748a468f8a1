// Int8 products of attention without vpdpbusd: the few query heads of a tile are widened to 16 bits once, cache elements as they are read.

#define PANGU_WIDENED_KV

constexpr int kKvTileRows = 6;
template <int R> constexpr int kKvColumns = 4;
constexpr int kWidenedKvSteps = 64;  // groups of 4 inputs widened at a time

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
