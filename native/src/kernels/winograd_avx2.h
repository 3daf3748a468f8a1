// Int8 products of a panel without vpdpbusd, by Winograd's pairing of an inner product ("A new algorithm for inner product", 1968):
//
//     x0 w0 + x1 w1 + x2 w2 + x3 w3 = (x0 + w2)(x2 + w0) + (x1 + w3)(x3 + w1) - (w0 w2 + w1 w3) - (x0 x2 + x1 x3)
//
// The first two products are two vpaddw and one vpmaddwd, and one vpaddd to the sum, for four inputs of eight outputs. The plain sum takes as
// many instructions, two vpmaddwd and two vpaddd, but twice the multiplications, and additions that wait for a product take the two
// multiplying pipes of the four (Zen 4) from the next product: measured 0.40 of the rate of vpdpbusd, where this reaches 0.46 with its loads
// and 0.50, four instructions a cycle, without. The products of the weights with themselves serve all rows of a tile, those of the inputs
// all outputs. Everything is exact modulo 2^32: the 16-bit sums are within 127 + 255, and what wraps in 32 bits the subtractions bring back.
//
// vpmaddubsw would take bytes as they are, but saturates at 16 bits.

#define PANGU_PAIRED_SUMS

constexpr int kPairedBlock = 128;                // inputs: 8 KB of a panel stay in L1 while all rows meet them
constexpr int kPairedGroups = kPairedBlock / 4;  // of 4 inputs
constexpr int kBytesRows = 8;                    // most rows of a tile of 8 outputs that takes the weights apart itself
constexpr int kWordsRows = 4;                    // most rows of a tile of 16 outputs: more than kBytesRows pay for a block of words

struct alignas(64) PairedRows {
    int16_t x[kBytesRows][kPairedBlock + 32];  // 64 bytes more than 256: rows do not fall into one set of the cache
    int32_t products[kBytesRows];              // sum of x0 x2 + x1 x3
};

struct WeightWords { __m256i low, high; };  // inputs 0, 1 and 2, 3 of eight outputs

// One block of a panel as words, and the sums of w0 w2 + w1 w3.
struct alignas(64) SplitBlock {
    WeightWords words[kLanes / 16][kPairedGroups][2];
    __m256i products[kLanes / 8];
};

static inline __attribute__((always_inline)) WeightWords weight_words(const uint8_t *w) {
    const __m256i low = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1));
    const __m256i high = _mm256_broadcastsi128_si256(_mm_setr_epi8(2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1));
    __m256i v = _mm256_load_si256((const __m256i *)w);
    return {_mm256_shuffle_epi8(v, low), _mm256_shuffle_epi8(v, high)};
}
static inline __attribute__((always_inline)) void add_product(__m256i &s, const WeightWords &w) {
    __m256i t;
    __asm__("vpmaddwd %2, %3, %1\n\tvpaddd %1, %0, %0" : "+x"(s), "=&x"(t) : "x"(w.low), "x"(w.high));
}

static void split_block(const uint8_t *w, int groups, SplitBlock &block) {
    for (int c = 0; c < kLanes / 16; c++) {
        __m256i a = _mm256_setzero_si256(), b = a;
        const uint8_t *p = w + c * 64;
        for (int g = 0; g < groups; g++, p += 4 * kLanes) {
            WeightWords wa = weight_words(p), wb = weight_words(p + 32);
            add_product(a, wa), add_product(b, wb);
            block.words[c][g][0] = wa, block.words[c][g][1] = wb;
        }
        block.products[2 * c] = a, block.products[2 * c + 1] = b;
    }
}

// Widens one row's block and returns the sum of its own products.
static inline int32_t paired_row(const int8_t *x, int inputs, int16_t *to) {
    __m256i sum = _mm256_setzero_si256();
    int i = 0;
    for (; i + 16 <= inputs; i += 16) {
        __m256i v = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(x + i)));
        _mm256_store_si256((__m256i *)(to + i), v);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(v, _mm256_shuffle_epi32(v, 0xB1)));  // every product twice
    }
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    int32_t products = _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_unpackhi_epi64(s, s)));
    for (; i < inputs; i += 4) {
        for (int j = 0; j < 4; j++) to[i + j] = x[i + j];
        products += x[i] * x[i + 2] + x[i + 1] * x[i + 3];
    }
    return products;
}

// Four inputs of one row meet eight outputs, or twice eight. Inline assembly because gcc 12 computes the products of all rows before it
// adds any, and so moves the sums through the stack.
static inline __attribute__((always_inline)) void paired_step(__m256i &s, const WeightWords &w, const int16_t *x) {
    __m256i a, b;
    __asm__("vpbroadcastd %5, %1\n\tvpbroadcastd %6, %2\n\tvpaddw %4, %1, %1\n\tvpaddw %3, %2, %2\n\tvpmaddwd %1, %2, %1\n\tvpaddd %1, %0, %0"
            : "+x"(s), "=&x"(a), "=&x"(b)
            : "x"(w.low), "x"(w.high), "m"(*(const int32_t *)x), "m"(*(const int32_t *)(x + 2)));
}
struct PairedSums { __m256i a, b; };
static inline __attribute__((always_inline)) void paired_step(PairedSums &s, const WeightWords &wa, const WeightWords &wb, const int16_t *x) {
    __m256i a, b, c, d;
    __asm__("vpbroadcastd %10, %2\n\tvpbroadcastd %11, %3\n\t"
            "vpaddw %7, %2, %4\n\tvpaddw %6, %3, %5\n\tvpmaddwd %4, %5, %4\n\tvpaddd %4, %0, %0\n\t"
            "vpaddw %9, %2, %2\n\tvpaddw %8, %3, %3\n\tvpmaddwd %2, %3, %2\n\tvpaddd %2, %1, %1"
            : "+x"(s.a), "+x"(s.b), "=&x"(a), "=&x"(b), "=&x"(c), "=&x"(d)
            : "x"(wa.low), "x"(wa.high), "x"(wb.low), "x"(wb.high), "m"(*(const int32_t *)x), "m"(*(const int32_t *)(x + 2)));
}

static inline __attribute__((always_inline)) void paired_add(__m256i s, __m256i weights, int32_t row, int32_t *t, bool first) {
    s = _mm256_sub_epi32(s, _mm256_add_epi32(weights, _mm256_set1_epi32(row)));
    _mm256_storeu_si256((__m256i *)t, first ? s : _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)t), s));
}

// One row x 16 outputs over a block of 4 * groups inputs, from bytes, the plain way: one row has nobody to share the weights' own products
// with.
static void single_tile(const uint8_t *w, int groups, const int16_t *x, int32_t *t, bool first, const uint8_t *ahead) {
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    for (int g = 0; g < groups; g++, w += 4 * kLanes, x += 4, ahead += 64) {
        __builtin_prefetch(ahead, 0, 3);
        WeightWords v = weight_words(w), u = weight_words(w + 32);
        __m256i low = _mm256_set1_epi32(*(const int32_t *)x), high = _mm256_set1_epi32(*(const int32_t *)(x + 2));
        a = _mm256_add_epi32(a, _mm256_madd_epi16(v.low, low));
        b = _mm256_add_epi32(b, _mm256_madd_epi16(u.low, low));
        c = _mm256_add_epi32(c, _mm256_madd_epi16(v.high, high));
        d = _mm256_add_epi32(d, _mm256_madd_epi16(u.high, high));
    }
    const __m256i zero = _mm256_setzero_si256();
    paired_add(_mm256_add_epi32(a, c), zero, 0, t, first);
    paired_add(_mm256_add_epi32(b, d), zero, 0, t + 8, first);
}

// R rows x 8 outputs over a block of 4 * groups inputs, from bytes: w points at the outputs of the first input. Meanwhile asks for memory
// from `ahead` on, 32 bytes for every group, evenly: all at once they would hold up the loads of the tile.
template <int R> static void bytes_tile(const uint8_t *w, int groups, const PairedRows &rows, int32_t *t, bool first, const uint8_t *ahead) {
    constexpr int row = kPairedBlock + 32;
    __m256i own = _mm256_setzero_si256(), s0 = own, s1 = own, s2 = own, s3 = own, s4 = own, s5 = own, s6 = own, s7 = own;
    const int16_t *x = rows.x[0];
    for (int g = 0; g < groups; g++, w += 4 * kLanes, x += 4, ahead += 32) {
        __builtin_prefetch(ahead, 0, 3);
        WeightWords v = weight_words(w);
        add_product(own, v);
        paired_step(s0, v, x);
        if constexpr (R > 1) paired_step(s1, v, x + row);
        if constexpr (R > 2) paired_step(s2, v, x + 2 * row);
        if constexpr (R > 3) paired_step(s3, v, x + 3 * row);
        if constexpr (R > 4) paired_step(s4, v, x + 4 * row);
        if constexpr (R > 5) paired_step(s5, v, x + 5 * row);
        if constexpr (R > 6) paired_step(s6, v, x + 6 * row);
        if constexpr (R > 7) paired_step(s7, v, x + 7 * row);
    }
    auto add = [&](__m256i s, int r) __attribute__((always_inline)) { paired_add(s, own, rows.products[r], t + r * kLanes, first); };
    add(s0, 0);
    if constexpr (R > 1) add(s1, 1);
    if constexpr (R > 2) add(s2, 2);
    if constexpr (R > 3) add(s3, 3);
    if constexpr (R > 4) add(s4, 4);
    if constexpr (R > 5) add(s5, 5);
    if constexpr (R > 6) add(s6, 6);
    if constexpr (R > 7) add(s7, 7);
}

// R rows x 16 outputs over a block of 4 * groups inputs, from words.
template <int R, bool Ahead>
static void words_tile(const SplitBlock &block, int column, int groups, const PairedRows &rows, int32_t *t, bool first, const uint8_t *ahead) {
    const WeightWords(*w)[2] = block.words[column];
    const __m256i *products = block.products + 2 * column;
    constexpr int row = kPairedBlock + 32;
    const PairedSums zero = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    PairedSums s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    const int16_t *x = rows.x[0];
    for (int g = 0; g < groups; g++, x += 4) {
        if constexpr (Ahead) __builtin_prefetch(ahead + g * 64, 0, 2);
        WeightWords a = w[g][0], b = w[g][1];
        paired_step(s0, a, b, x);
        if constexpr (R > 1) paired_step(s1, a, b, x + row);
        if constexpr (R > 2) paired_step(s2, a, b, x + 2 * row);
        if constexpr (R > 3) paired_step(s3, a, b, x + 3 * row);
    }
    auto add = [&](const PairedSums &s, int r) __attribute__((always_inline)) {
        paired_add(s.a, products[0], rows.products[r], t + r * kLanes, first);
        paired_add(s.b, products[1], rows.products[r], t + r * kLanes + 8, first);
    };
    add(s0, 0);
    if constexpr (R > 1) add(s1, 1);
    if constexpr (R > 2) add(s2, 2);
    if constexpr (R > 3) add(s3, 3);
}

static void widen_rows(const int8_t *const *x, int count, int k0, int inputs, PairedRows &rows) {
    for (int r = 0; r < count; r++) rows.products[r] = paired_row(x[r] + k0, inputs, rows.x[r]);
}

// R rows, one tile: every weight is taken apart once.
template <int R> static void few_sums(const uint8_t *w, int inputs, const int8_t *const *x, int32_t *t) {
    PairedRows rows;
    for (int k0 = 0; k0 < inputs; k0 += kPairedBlock, w += kPairedBlock * kLanes) {
        int k = inputs - k0 < kPairedBlock ? inputs - k0 : kPairedBlock;
        const uint8_t *ahead = w + k * kLanes;
        widen_rows(x, R, k0, k, rows);
        if constexpr (R == 1)
            for (int c = 0; c < kLanes; c += 16) single_tile(w + c * 4, k / 4, rows.x[0], t + c, k0 == 0, ahead + c * k);
        else
            for (int c = 0; c < kLanes; c += 8) bytes_tile<R>(w + c * 4, k / 4, rows, t + c, k0 == 0, ahead + c * k);
    }
}

// The first tile of a block asks for the next block.
template <int R>
static void words_rows(const SplitBlock &block, int inputs, const PairedRows &rows, int32_t *t, bool first, const uint8_t *ahead) {
    for (int c = 0; c < kLanes / 16; c++, t += 16) {
        if (ahead) words_tile<R, true>(block, c, inputs / 4, rows, t, first, ahead + c * inputs * 16);
        else words_tile<R, false>(block, c, inputs / 4, rows, t, first, nullptr);
    }
}

static void many_sums(const uint8_t *w, int inputs, const int8_t *const *x, int count, int32_t *tile) {
    SplitBlock block;
    PairedRows rows;
    for (int k0 = 0; k0 < inputs; k0 += kPairedBlock, w += kPairedBlock * kLanes) {
        int k = inputs - k0 < kPairedBlock ? inputs - k0 : kPairedBlock;
        split_block(w, k / 4, block);
        int tiles = (count + kWordsRows - 1) / kWordsRows;
        for (int i = 0, r = 0; i < tiles; i++) {
            int n = (count - r + tiles - i - 1) / (tiles - i);  // 3 or 4: count is more than kBytesRows
            const uint8_t *ahead = i == 0 ? w + k * kLanes : nullptr;
            widen_rows(x + r, n, k0, k, rows);
            if (n == 3) words_rows<3>(block, k, rows, tile + (int64_t)r * kLanes, k0 == 0, ahead);
            else words_rows<4>(block, k, rows, tile + (int64_t)r * kLanes, k0 == 0, ahead);
            r += n;
        }
    }
}

// tile[r][output] = sum of w * x as int32; inputs: a multiple of 4.
static void paired_sums(const uint8_t *w, int inputs, const int8_t *const *x, int count, int32_t *tile) {
    if (count == 1) few_sums<1>(w, inputs, x, tile);
    else if (count == 2) few_sums<2>(w, inputs, x, tile);
    else if (count == 3) few_sums<3>(w, inputs, x, tile);
    else if (count == 4) few_sums<4>(w, inputs, x, tile);
    else if (count == 5) few_sums<5>(w, inputs, x, tile);
    else if (count == 6) few_sums<6>(w, inputs, x, tile);
    else if (count == 7) few_sums<7>(w, inputs, x, tile);
    else if (count == 8) few_sums<8>(w, inputs, x, tile);
    else many_sums(w, inputs, x, count, tile);
}

// For the probe: the same step from registers, 64 multiply-adds (16 outputs, 4 inputs).
struct IAcc { __m256i a, b; };
struct IWeights { WeightWords a, b; };
struct IInput { __m256i low, high; };

static inline IAcc iacc_zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
static inline IWeights iacc_weights(const uint8_t *p) { return {weight_words(p), weight_words(p + 32)}; }
static inline IInput iacc_input(const int8_t *x) {
    return {_mm256_set1_epi32((uint16_t)x[0] | x[1] * 65536), _mm256_set1_epi32((uint16_t)x[2] | x[3] * 65536)};
}
static inline __attribute__((always_inline)) void iacc_step(__m256i &s, const WeightWords &w, const IInput &x) {
    __m256i a, b;
    __asm__("vpaddw %4, %5, %1\n\tvpaddw %3, %6, %2\n\tvpmaddwd %1, %2, %1\n\tvpaddd %1, %0, %0"
            : "+x"(s), "=&x"(a), "=&x"(b)
            : "x"(w.low), "x"(w.high), "x"(x.low), "x"(x.high));
}
static inline __attribute__((always_inline)) void iacc_step(IAcc &s, const IWeights &w, const IInput &x) {
    iacc_step(s.a, w.a, x), iacc_step(s.b, w.b, x);
}
static inline VecI iacc_sum(const IAcc &s) { return {s.a, s.b}; }
static inline __attribute__((always_inline)) void keep(IInput &x) { __asm__ volatile("" : "+x"(x.low), "+x"(x.high)); }
