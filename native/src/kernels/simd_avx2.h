// 16 lanes in two registers (AVX2, FMA, F16C): lanes 0-7 in lo, 8-15 in hi. Included inside namespace pangu::avx2.

struct Vec { __m256 lo, hi; };
struct VecI { __m256i lo, hi; };

static inline __m256i lane_mask(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline Vec vzero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
static inline Vec vset(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
static inline Vec vload(const float *p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
static inline Vec vload_n(const float *p, int n) {
    return {_mm256_maskload_ps(p, lane_mask(n)), n > 8 ? _mm256_maskload_ps(p + 8, lane_mask(n - 8)) : _mm256_setzero_ps()};
}
static inline void vstore(float *p, Vec x) {
    _mm256_storeu_ps(p, x.lo);
    _mm256_storeu_ps(p + 8, x.hi);
}
static inline void vstore_n(float *p, Vec x, int n) {
    _mm256_maskstore_ps(p, lane_mask(n), x.lo);
    if (n > 8) _mm256_maskstore_ps(p + 8, lane_mask(n - 8), x.hi);
}

static inline Vec vfma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)}; }
static inline Vec vmul(Vec a, Vec b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
static inline Vec vadd(Vec a, Vec b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
static inline Vec vsub(Vec a, Vec b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
static inline Vec vdiv(Vec a, Vec b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
static inline Vec vmax(Vec a, Vec b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
static inline Vec vmin(Vec a, Vec b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
static inline Vec vneg(Vec a) {
    __m256 s = _mm256_set1_ps(-0.0f);
    return {_mm256_xor_ps(a.lo, s), _mm256_xor_ps(a.hi, s)};
}
static inline Vec vabs(Vec a) {
    __m256 s = _mm256_set1_ps(-0.0f);
    return {_mm256_andnot_ps(s, a.lo), _mm256_andnot_ps(s, a.hi)};
}

// Round to nearest even (the default rounding mode), |x| < 2^31.
static inline VecI vtoint(Vec x) { return {_mm256_cvtps_epi32(x.lo), _mm256_cvtps_epi32(x.hi)}; }
static inline Vec vfromint(VecI n) { return {_mm256_cvtepi32_ps(n.lo), _mm256_cvtepi32_ps(n.hi)}; }
static inline __m256 add_exponent(__m256 y, __m256i n) {
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(y), _mm256_slli_epi32(n, 23)));
}
static inline Vec vaddexponent(Vec y, VecI n) { return {add_exponent(y.lo, n.lo), add_exponent(y.hi, n.hi)}; }
// y, but +0 where x < bound.
static inline Vec vzero_below(Vec y, Vec x, float bound) {
    __m256 b = _mm256_set1_ps(bound);
    return {_mm256_and_ps(y.lo, _mm256_cmp_ps(x.lo, b, _CMP_NLT_UQ)), _mm256_and_ps(y.hi, _mm256_cmp_ps(x.hi, b, _CMP_NLT_UQ))};
}

static inline __m256 widen_bf16(const uint16_t *p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
}
static inline Vec vload_bf16(const uint16_t *p) { return {widen_bf16(p), widen_bf16(p + 8)}; }
static inline Vec vload_f16(const uint16_t *p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)))};
}

static inline __m256i round_bf16(__m256 x) {
    __m256i u = _mm256_castps_si256(x);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    __m256i r = _mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7fff)), odd);
    __m256i quiet = _mm256_or_si256(u, _mm256_set1_epi32(0x400000));
    r = _mm256_blendv_epi8(r, quiet, _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
    return _mm256_srli_epi32(r, 16);
}
static inline void vstore_bf16(uint16_t *p, Vec x) {
    __m256i packed = _mm256_packus_epi32(round_bf16(x.lo), round_bf16(x.hi));
    _mm256_storeu_si256((__m256i *)p, _mm256_permute4x64_epi64(packed, 0xD8));
}
// Lanes are in -128..127.
static inline void vstore_int8(int8_t *p, VecI x) {
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.lo, x.hi), 0xD8);
    _mm_storeu_si128((__m128i *)p, _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}

// The fixed tree of reduce16: 8+8, 4+4, 2+2, 1+1.
static inline float vtree(Vec x) {
    __m256 a = _mm256_add_ps(x.lo, x.hi);
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
}
static inline float vhmax(Vec x) {
    __m256 a = _mm256_max_ps(x.lo, x.hi);
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_shuffle_ps(c, c, 1)));
}
static inline VecI vzero_int() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
static inline VecI vadd_int(VecI a, VecI b) { return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)}; }
static inline VecI vsub_int(VecI a, VecI b) { return {_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)}; }
// x * 128, and of x >= 0 the quotient and the rest.
static inline VecI vtimes128(VecI x) { return {_mm256_slli_epi32(x.lo, 7), _mm256_slli_epi32(x.hi, 7)}; }
static inline VecI vover128(VecI x) { return {_mm256_srli_epi32(x.lo, 7), _mm256_srli_epi32(x.hi, 7)}; }
static inline VecI vmod128(VecI x) {
    __m256i mask = _mm256_set1_epi32(127);
    return {_mm256_and_si256(x.lo, mask), _mm256_and_si256(x.hi, mask)};
}
static inline VecI vset_int(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
static inline VecI vload_int(const int32_t *p) {
    return {_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 8))};
}
static inline void vstore_int(int32_t *p, VecI x) {
    _mm256_storeu_si256((__m256i *)p, x.lo);
    _mm256_storeu_si256((__m256i *)(p + 8), x.hi);
}
static inline int32_t vhsum_int(VecI x) {
    int32_t lanes[16], sum = 0;
    vstore_int(lanes, x);
    for (int i = 0; i < 16; i++) sum += lanes[i];
    return sum;
}

// sum + the 64 bytes at p, spread over lanes.
static inline VecI vadd_bytes(VecI sum, const int8_t *p) {
    const __m256i ones = _mm256_set1_epi8(1), pairs = _mm256_set1_epi16(1);
    __m256i a = _mm256_maddubs_epi16(ones, _mm256_loadu_si256((const __m256i *)p));
    __m256i b = _mm256_maddubs_epi16(ones, _mm256_loadu_si256((const __m256i *)(p + 32)));
    return {_mm256_add_epi32(sum.lo, _mm256_madd_epi16(a, pairs)), _mm256_add_epi32(sum.hi, _mm256_madd_epi16(b, pairs))};
}

// Register tiles: rows x columns of 16 outputs, chosen to fit 16 registers.
constexpr int kTileRows = 6;
template <int R> constexpr int kFloatColumns = R == 1 ? 4 : R == 2 ? 2 : 1;
constexpr int kScoreRows = 6, kScorePartials = 1;  // attention: query heads, and partials of reduce16, of one tile
constexpr int kIntAhead = 0;  // bytes fetched ahead: the loop has no time to spare

// Opaque to the compiler, free for the processor: keeps a probe's work from being merged or hoisted.
static inline __attribute__((always_inline)) void keep(Vec &x) { __asm__ volatile("" : "+x"(x.lo), "+x"(x.hi)); }
