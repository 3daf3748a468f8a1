// Integer products with 4-bit weights (AVX2). Included inside namespace pangu::avx2; nibble_avx512.h tells the layout.
//
// vpmaddubsw is exact here: two products of a nibble (0..15) and an int8 (-127..127) stay within 3810, and eight such pairs within 30480,
// so 16-bit lanes hold the sums of 32 inputs before they fold into 32 bits.

struct NibbleAcc { __m256i a, b, c, d; };  // 16-bit sums of outputs 0-7 and 8-15; their 32-bit sums
struct NibbleWeights { __m256i a, b; };
struct NibbleInput { __m256i v; };

static inline NibbleAcc nibble_start(int32_t correction) {
    __m256i z = _mm256_setzero_si256(), c = _mm256_set1_epi32(correction);
    return {z, z, c, c};
}
static inline NibbleWeights nibble_low(const uint8_t *p) {
    const __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(_mm256_load_si256((const __m256i *)p), mask), _mm256_and_si256(_mm256_load_si256((const __m256i *)(p + 32)), mask)};
}
static inline NibbleWeights nibble_high(const uint8_t *p) {
    const __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(_mm256_srli_epi16(_mm256_load_si256((const __m256i *)p), 4), mask),
            _mm256_and_si256(_mm256_srli_epi16(_mm256_load_si256((const __m256i *)(p + 32)), 4), mask)};
}
static inline NibbleInput nibble_input(const int8_t *x) {
    int32_t four;
    __builtin_memcpy(&four, x, 4);
    return {_mm256_set1_epi32(four)};
}
static inline __attribute__((always_inline)) void nibble_step(NibbleAcc &s, const NibbleWeights &w, const NibbleInput &x) {
    s.a = _mm256_add_epi16(s.a, _mm256_maddubs_epi16(w.a, x.v));
    s.b = _mm256_add_epi16(s.b, _mm256_maddubs_epi16(w.b, x.v));
}
static inline __attribute__((always_inline)) void nibble_fold(NibbleAcc &s) {
    const __m256i ones = _mm256_set1_epi16(1);
    s.c = _mm256_add_epi32(s.c, _mm256_madd_epi16(s.a, ones));
    s.d = _mm256_add_epi32(s.d, _mm256_madd_epi16(s.b, ones));
    s.a = s.b = _mm256_setzero_si256();
}
static inline VecI nibble_sum(const NibbleAcc &s) { return {s.c, s.d}; }

#define PANGU_NIBBLE_AHEAD  // a tile reads every fourth line, which the processor does not foresee

constexpr int kNibbleTileRows = 2;
template <int R> constexpr int kNibbleColumns = R == 1 ? 2 : 1;
constexpr int kNibbleRun = 32;     // inputs between two folds: what 16 bits hold
constexpr int kNibbleGroups = 4;   // groups of a block: 17 KB of a panel stay in L1 while its columns and all rows meet them
