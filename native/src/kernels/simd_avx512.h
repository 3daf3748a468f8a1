// 16 lanes in one register (AVX-512 F, BW, VL, DQ, VNNI). Included inside namespace pangu::avx512.

using Vec = __m512;
using VecI = __m512i;

static inline Vec vzero() { return _mm512_setzero_ps(); }
static inline Vec vset(float x) { return _mm512_set1_ps(x); }
static inline Vec vload(const float *p) { return _mm512_loadu_ps(p); }
static inline Vec vload_n(const float *p, int n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
static inline void vstore(float *p, Vec x) { _mm512_storeu_ps(p, x); }
static inline void vstore_n(float *p, Vec x, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x); }

static inline Vec vfma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
static inline Vec vmul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
static inline Vec vadd(Vec a, Vec b) { return _mm512_add_ps(a, b); }
static inline Vec vsub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
static inline Vec vdiv(Vec a, Vec b) { return _mm512_div_ps(a, b); }
static inline Vec vmax(Vec a, Vec b) { return _mm512_max_ps(a, b); }
static inline Vec vmin(Vec a, Vec b) { return _mm512_min_ps(a, b); }
static inline Vec vneg(Vec a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f)); }
static inline Vec vabs(Vec a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }

// Round to nearest even (the default rounding mode), |x| < 2^31.
static inline VecI vtoint(Vec x) { return _mm512_cvtps_epi32(x); }
static inline Vec vfromint(VecI n) { return _mm512_cvtepi32_ps(n); }
static inline Vec vaddexponent(Vec y, VecI n) {
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(y), _mm512_slli_epi32(n, 23)));
}
// y, but +0 where x < bound.
static inline Vec vzero_below(Vec y, Vec x, float bound) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, _mm512_set1_ps(bound), _CMP_NLT_UQ), y);
}

static inline Vec vload_bf16(const uint16_t *p) {
    __m512i x = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16));
}
static inline Vec vload_f16(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }

static inline void vstore_bf16(uint16_t *p, Vec x) {
    __m512i u = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    __m512i r = _mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7fff)), odd);
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    r = _mm512_mask_or_epi32(r, nan, u, _mm512_set1_epi32(0x400000));
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(r, 16)));
}
// Lanes are in -128..127.
static inline void vstore_int8(int8_t *p, VecI x) { _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(x)); }

// The fixed tree of reduce16: 8+8, 4+4, 2+2, 1+1.
static inline float vtree(Vec x) {
    __m256 a = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
}
static inline float vhmax(Vec x) { return _mm512_reduce_max_ps(x); }
static inline int32_t vhsum_int(VecI x) { return _mm512_reduce_add_epi32(x); }
static inline VecI vzero_int() { return _mm512_setzero_si512(); }
static inline VecI vadd_int(VecI a, VecI b) { return _mm512_add_epi32(a, b); }

// sum + the 64 bytes at p, spread over lanes.
static inline VecI vadd_bytes(VecI sum, const int8_t *p) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(_mm512_set1_epi8(1)), "v"(_mm512_loadu_si512(p)));
    return sum;
}

// Integer products: an accumulator of 16 outputs, 64 bytes of weights (16 outputs x 4 inputs, q + 128), 4 inputs broadcast.
struct IAcc { __m512i v; };
struct IWeights { __m512i v; };
struct IInput { __m512i v; };

static inline IAcc iacc_zero() { return {_mm512_setzero_si512()}; }
static inline IWeights iacc_weights(const uint8_t *p) { return {_mm512_load_si512(p)}; }
static inline IInput iacc_input(const int8_t *x) {
    int32_t four;
    __builtin_memcpy(&four, x, 4);
    return {_mm512_set1_epi32(four)};
}
// Inline assembly because gcc 12 moves intrinsic accumulators through the stack (measured 2.1-2.3x slower).
static inline __attribute__((always_inline)) void iacc_step(IAcc &a, const IWeights &w, const IInput &x) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(a.v) : "v"(w.v), "v"(x.v));
}
static inline VecI iacc_sum(const IAcc &a) { return a.v; }
// x * 128, and of x >= 0 the quotient and the rest.
static inline VecI vtimes128(VecI x) { return _mm512_slli_epi32(x, 7); }
static inline VecI vover128(VecI x) { return _mm512_srli_epi32(x, 7); }
static inline VecI vmod128(VecI x) { return _mm512_and_si512(x, _mm512_set1_epi32(127)); }
static inline VecI vload_int(const int32_t *p) { return _mm512_loadu_si512(p); }
static inline void vstore_int(int32_t *p, VecI x) { _mm512_storeu_si512(p, x); }
static inline VecI vset_int(int32_t x) { return _mm512_set1_epi32(x); }
static inline VecI vsub_int(VecI a, VecI b) { return _mm512_sub_epi32(a, b); }

// Register tiles: rows x columns of 16 outputs. 24 accumulators, 4 weights and an input fill the 32 registers.
constexpr int kTileRows = 6;
template <int R> constexpr int kFloatColumns = 4;
constexpr int kScoreRows = 6, kScorePartials = 4;  // attention: query heads, and partials of reduce16, of one tile
constexpr int kIntTileRows = 6;
template <int R> constexpr int kIntColumns = 4;
constexpr int kIntBlock = 2048;  // inputs: 128 KB of a panel stays in L2 while all rows meet it
constexpr int kIntAhead = 4096;  // bytes fetched ahead in a panel's stream: 4 to 16 KB do alike; the hardware alone stops at every page

// Opaque to the compiler, free for the processor: keeps a probe's work from being merged or hoisted.
static inline __attribute__((always_inline)) void keep(Vec &x) { __asm__ volatile("" : "+v"(x)); }
static inline __attribute__((always_inline)) void keep(IAcc &x) { __asm__ volatile("" : "+v"(x.v)); }
static inline __attribute__((always_inline)) void keep(IInput &x) { __asm__ volatile("" : "+v"(x.v)); }
