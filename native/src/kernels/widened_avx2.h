// Int8 products of many rows without vpdpbusd. vpmovzxbw costs as much as the products it serves, so a block of weights is widened to 16
// bits once for all rows, and a row once for all outputs; what remains in the loop is vpmaddwd, vpaddd and loads. vpmaddwd is exact here
// (255 * 127 * 2 fits 32 bits); each 32-bit lane holds half of an output's sum until the end of a block.

#define PANGU_WIDENED_ROWS 4  // from this many rows on: fewer do not pay for the widening

constexpr int kWidenedBlock = 512;                    // inputs
constexpr int kWidenedGroups = kWidenedBlock / 4;     // of 4 inputs
constexpr int kWidenedRows = 24;                      // rows widened at a time
constexpr int kWidenedTile = 6;                       // rows of a register tile; its columns are 8 outputs

struct alignas(64) WidenedBlock {
    int16_t weights[kLanes / 8][kWidenedGroups][8][4];  // [outputs / 8][inputs / 4][output][input]: one tile's column is one stream
    int16_t rows[kWidenedRows][kWidenedBlock + 32];     // 64 bytes more than 1024: rows do not fall into one set of the cache
};

static void widen_weights(const uint8_t *w, int groups, WidenedBlock &block) {
    for (int g = 0; g < groups; g++)
        for (int c = 0; c < kLanes / 8; c++, w += 32) {
            __m256i *to = (__m256i *)block.weights[c][g];
            _mm256_store_si256(to, _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i *)w)));
            _mm256_store_si256(to + 1, _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i *)(w + 16))));
        }
}

static void widen_row(const int8_t *x, int inputs, int16_t *to) {
    int i = 0;
    for (; i + 16 <= inputs; i += 16) _mm256_store_si256((__m256i *)(to + i), _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x + i))));
    for (; i < inputs; i++) to[i] = x[i];
}

struct WidenedPair { __m256i a, b; };  // half sums of outputs 0-3 and 4-7

// Inline assembly because gcc 12 computes all products of a step before it adds any, and so moves the sums through the stack (measured
// 1.4 times slower than the loop this one replaces).
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

// R rows x 8 outputs over a block.
template <int R> static void widened_tile(const int16_t (*w)[8][4], int groups, const int16_t (*x)[kWidenedBlock + 32], int32_t *t, bool first) {
    const WidenedPair zero = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    WidenedPair s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero;
    const int16_t *p = x[0];
    for (int g = 0; g < groups; g++, p += 4) {
        __m256i a = _mm256_load_si256((const __m256i *)w[g]), b = _mm256_load_si256((const __m256i *)w[g][4]);
        constexpr int row = kWidenedBlock + 32;
        widened_step(s0, a, b, p);
        if constexpr (R > 1) widened_step(s1, a, b, p + row);
        if constexpr (R > 2) widened_step(s2, a, b, p + 2 * row);
        if constexpr (R > 3) widened_step(s3, a, b, p + 3 * row);
        if constexpr (R > 4) widened_step(s4, a, b, p + 4 * row);
        if constexpr (R > 5) widened_step(s5, a, b, p + 5 * row);
    }
    widened_add(s0, t, first);
    if constexpr (R > 1) widened_add(s1, t + kLanes, first);
    if constexpr (R > 2) widened_add(s2, t + 2 * kLanes, first);
    if constexpr (R > 3) widened_add(s3, t + 3 * kLanes, first);
    if constexpr (R > 4) widened_add(s4, t + 4 * kLanes, first);
    if constexpr (R > 5) widened_add(s5, t + 5 * kLanes, first);
}

// `count` widened rows, tile by tile, for one column of 8 outputs.
static void widened_column(const WidenedBlock &block, int column, int groups, int count, int32_t *t, bool first) {
    int tiles = (count + kWidenedTile - 1) / kWidenedTile;
    for (int i = 0, r = 0; i < tiles; i++) {
        int n = (count - r + tiles - i - 1) / (tiles - i);
        int32_t *tr = t + r * kLanes + column * 8;
        if (n == 1) widened_tile<1>(block.weights[column], groups, block.rows + r, tr, first);
        else if (n == 2) widened_tile<2>(block.weights[column], groups, block.rows + r, tr, first);
        else if (n == 3) widened_tile<3>(block.weights[column], groups, block.rows + r, tr, first);
        else if (n == 4) widened_tile<4>(block.weights[column], groups, block.rows + r, tr, first);
        else if (n == 5) widened_tile<5>(block.weights[column], groups, block.rows + r, tr, first);
        else widened_tile<6>(block.weights[column], groups, block.rows + r, tr, first);
        r += n;
    }
}

// tile[r][output] = sum of w * x as int32; inputs: a multiple of 4.
static void widened_sums(const uint8_t *w, int inputs, const int8_t *const *x, int count, int32_t *tile) {
    WidenedBlock block;
    for (int k0 = 0; k0 < inputs; k0 += kWidenedBlock) {
        int k = inputs - k0 < kWidenedBlock ? inputs - k0 : kWidenedBlock;
        widen_weights(w + (int64_t)k0 * kLanes, k / 4, block);
        for (int first = 0; first < count; first += kWidenedRows) {
            int n = count - first < kWidenedRows ? count - first : kWidenedRows;
            for (int r = 0; r < n; r++) widen_row(x[first + r] + k0, k, block.rows[r]);
            for (int c = 0; c < kLanes / 8; c++) widened_column(block, c, k / 4, n, tile + (int64_t)first * kLanes, k0 == 0);
        }
    }
}
