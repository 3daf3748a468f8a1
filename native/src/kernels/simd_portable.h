// 16 lanes in plain C++ (gcc vectors of 4: SSE2 on x86-64, baseline SIMD elsewhere). Included inside namespace pangu::portable.

typedef float F4 __attribute__((vector_size(16)));
typedef int32_t I4 __attribute__((vector_size(16)));
typedef double D2 __attribute__((vector_size(16)));
typedef int64_t L2 __attribute__((vector_size(16)));

struct Vec { F4 v[4]; };
struct VecI { I4 v[4]; };

#define PANGU_EACH for (int i = 0; i < 4; i++)

static inline F4 splat(float x) { return F4{x, x, x, x}; }

// fma without an fma instruction. The product of two floats is exact in double; the sum is rounded to odd (the error of the addition,
// found exactly by Knuth's two-sum, decides the last bit), and rounding that to float gives the correctly rounded fma because
// 53 >= 2 * 24 + 2 (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008).
static inline D2 multiply_add_to_odd(D2 a, D2 b, D2 c) {
    D2 p = a * b;
    D2 s = p + c;
    D2 t = s - p;
    D2 e = (p - (s - t)) + (c - t);
    const D2 zero = {0, 0};
    L2 inexact = (L2)(e > zero) | (L2)(e < zero);  // false for the NaN that infinities give
    L2 direction = ((L2)(e > zero) ^ (L2)(s > zero)) | 1;  // +1 away from zero, -1 towards it
    L2 bits = (L2)s;
    L2 even = (bits & 1) - 1;
    return (D2)(bits + (direction & inexact & even));
}

static inline F4 fma4(F4 a, F4 b, F4 c) {
    typedef float F2 __attribute__((vector_size(8)));
    auto low = [](F4 x) { return D2{x[0], x[1]}; };
    auto high = [](F4 x) { return D2{x[2], x[3]}; };
    F2 l = __builtin_convertvector(multiply_add_to_odd(low(a), low(b), low(c)), F2);
    F2 h = __builtin_convertvector(multiply_add_to_odd(high(a), high(b), high(c)), F2);
    return F4{l[0], l[1], h[0], h[1]};
}

static inline Vec vset(float x) { return {{splat(x), splat(x), splat(x), splat(x)}}; }
static inline Vec vzero() { return vset(0.0f); }
static inline Vec vload(const float *p) {
    Vec r;
    __builtin_memcpy(&r, p, sizeof r);
    return r;
}
static inline Vec vload_n(const float *p, int n) {
    Vec r = vzero();
    __builtin_memcpy(&r, p, (unsigned)n * sizeof(float));
    return r;
}
static inline void vstore(float *p, Vec x) { __builtin_memcpy(p, &x, sizeof x); }
static inline void vstore_n(float *p, Vec x, int n) { __builtin_memcpy(p, &x, (unsigned)n * sizeof(float)); }

static inline Vec vfma(Vec a, Vec b, Vec c) { Vec r; PANGU_EACH r.v[i] = fma4(a.v[i], b.v[i], c.v[i]); return r; }
static inline Vec vmul(Vec a, Vec b) { Vec r; PANGU_EACH r.v[i] = a.v[i] * b.v[i]; return r; }
static inline Vec vadd(Vec a, Vec b) { Vec r; PANGU_EACH r.v[i] = a.v[i] + b.v[i]; return r; }
static inline Vec vsub(Vec a, Vec b) { Vec r; PANGU_EACH r.v[i] = a.v[i] - b.v[i]; return r; }
static inline Vec vdiv(Vec a, Vec b) { Vec r; PANGU_EACH r.v[i] = a.v[i] / b.v[i]; return r; }
static inline Vec vmax(Vec a, Vec b) { Vec r; PANGU_EACH r.v[i] = a.v[i] > b.v[i] ? a.v[i] : b.v[i]; return r; }
static inline Vec vmin(Vec a, Vec b) { Vec r; PANGU_EACH r.v[i] = a.v[i] < b.v[i] ? a.v[i] : b.v[i]; return r; }
static inline Vec vneg(Vec a) { Vec r; PANGU_EACH r.v[i] = -a.v[i]; return r; }
static inline Vec vabs(Vec a) { Vec r; PANGU_EACH r.v[i] = (F4)((I4)a.v[i] & 0x7fffffff); return r; }

// Round to nearest even, |x| < 2^22: adding 1.5 * 2^23 leaves the integer in the low bits.
static inline VecI vtoint(Vec x) {
    const float magic = 12582912.0f;
    VecI r;
    PANGU_EACH r.v[i] = __builtin_convertvector((x.v[i] + magic) - magic, I4);
    return r;
}
static inline Vec vfromint(VecI n) { Vec r; PANGU_EACH r.v[i] = __builtin_convertvector(n.v[i], F4); return r; }
static inline Vec vaddexponent(Vec y, VecI n) { Vec r; PANGU_EACH r.v[i] = (F4)((I4)y.v[i] + (n.v[i] << 23)); return r; }
// y, but +0 where x < bound.
static inline Vec vzero_below(Vec y, Vec x, float bound) {
    Vec r;
    PANGU_EACH r.v[i] = (F4)((I4)y.v[i] & ~(I4)(x.v[i] < splat(bound)));
    return r;
}

static inline float widen_f16(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff, bits;
    if (exponent == 0) {
        float magnitude = (float)fraction * 0x1p-24f;  // exact
        __builtin_memcpy(&bits, &magnitude, 4);
    } else {
        bits = ((exponent == 31 ? 255 : exponent + 112) << 23) | fraction << 13;
    }
    bits |= sign;
    float r;
    __builtin_memcpy(&r, &bits, 4);
    return r;
}
static inline Vec vload_bf16(const uint16_t *p) {
    uint32_t bits[16];
    for (int i = 0; i < 16; i++) bits[i] = (uint32_t)p[i] << 16;
    Vec r;
    __builtin_memcpy(&r, bits, sizeof r);
    return r;
}
static inline Vec vload_f16(const uint16_t *p) {
    float lanes[16];
    for (int i = 0; i < 16; i++) lanes[i] = widen_f16(p[i]);
    return vload(lanes);
}
static inline void vstore_bf16(uint16_t *p, Vec x) {
    uint32_t bits[16];
    __builtin_memcpy(bits, &x, sizeof bits);
    for (int i = 0; i < 16; i++) {
        uint32_t u = bits[i];
        bool nan = (u & 0x7fffffff) > 0x7f800000;
        p[i] = (uint16_t)((nan ? u | 0x400000 : u + 0x7fff + ((u >> 16) & 1)) >> 16);
    }
}
// Lanes are in -128..127.
static inline void vstore_int8(int8_t *p, VecI x) { for (int i = 0; i < 16; i++) p[i] = (int8_t)x.v[i / 4][i % 4]; }

// The fixed tree of reduce16: 8+8, 4+4, 2+2, 1+1.
static inline float vtree(Vec x) {
    F4 a = x.v[0] + x.v[2], b = x.v[1] + x.v[3];
    F4 c = a + b;
    return (c[0] + c[2]) + (c[1] + c[3]);
}
static inline float vhmax(Vec x) {
    float m = x.v[0][0];
    for (int i = 1; i < 16; i++) m = x.v[i / 4][i % 4] > m ? x.v[i / 4][i % 4] : m;
    return m;
}
static inline VecI vset_int(int32_t x) { return {{I4{x, x, x, x}, I4{x, x, x, x}, I4{x, x, x, x}, I4{x, x, x, x}}}; }
static inline VecI vzero_int() { return vset_int(0); }
static inline VecI vadd_int(VecI a, VecI b) { VecI r; PANGU_EACH r.v[i] = a.v[i] + b.v[i]; return r; }
// sum + the 64 bytes at p, spread over lanes.
static inline VecI vadd_bytes(VecI sum, const int8_t *p) {
    for (int i = 0; i < 64; i++) sum.v[i / 16][i % 4] += p[i];
    return sum;
}
static inline VecI vsub_int(VecI a, VecI b) { VecI r; PANGU_EACH r.v[i] = a.v[i] - b.v[i]; return r; }
// x * 128, and of x >= 0 the quotient and the rest.
static inline VecI vtimes128(VecI x) { VecI r; PANGU_EACH r.v[i] = x.v[i] << 7; return r; }
static inline VecI vover128(VecI x) { VecI r; PANGU_EACH r.v[i] = x.v[i] >> 7; return r; }
static inline VecI vmod128(VecI x) { VecI r; PANGU_EACH r.v[i] = x.v[i] & 127; return r; }
static inline VecI vload_int(const int32_t *p) {
    VecI r;
    __builtin_memcpy(&r, p, sizeof r);
    return r;
}
static inline void vstore_int(int32_t *p, VecI x) { __builtin_memcpy(p, &x, sizeof x); }
static inline int32_t vhsum_int(VecI x) {
    int32_t sum = 0;
    for (int i = 0; i < 16; i++) sum += x.v[i / 4][i % 4];
    return sum;
}

// Products of 16-bit lanes, added in pairs: pmaddwd where there is one. Lanes of both operands are in -128..255.
typedef int16_t S8 __attribute__((vector_size(16)));
static inline I4 multiply_pairs(I4 a, I4 b) {
#ifdef __SSE2__
    return (I4)__builtin_ia32_pmaddwd128((S8)a, (S8)b);
#else
    return ((a << 16) >> 16) * ((b << 16) >> 16) + (a >> 16) * (b >> 16);
#endif
}

// Integer products. A lane holds four bytes of one output, inputs 0 to 3; masks part them into 16-bit lanes, the even inputs and the odd.
struct IAcc { I4 v[4]; };
struct IWeights { I4 even[4], odd[4]; };
struct IInput { I4 even, odd; };

static inline IAcc iacc_zero() { return {}; }
static inline IWeights iacc_weights(const uint8_t *p) {
    IWeights w;
    PANGU_EACH {
        I4 bytes;
        __builtin_memcpy(&bytes, p + 16 * i, 16);
        w.even[i] = bytes & 0xff00ff;
        w.odd[i] = (bytes >> 8) & 0xff00ff;
    }
    return w;
}
static inline IInput iacc_input(const int8_t *x) {
    int32_t even = (uint16_t)x[0] | (int32_t)((uint32_t)x[2] << 16), odd = (uint16_t)x[1] | (int32_t)((uint32_t)x[3] << 16);
    return {I4{even, even, even, even}, I4{odd, odd, odd, odd}};
}
static inline __attribute__((always_inline)) void iacc_step(IAcc &a, const IWeights &w, const IInput &x) {
    PANGU_EACH a.v[i] += multiply_pairs(w.even[i], x.even) + multiply_pairs(w.odd[i], x.odd);
}
static inline VecI iacc_sum(const IAcc &a) { return {{a.v[0], a.v[1], a.v[2], a.v[3]}}; }

constexpr int kTileRows = 2;
template <int R> constexpr int kFloatColumns = 1;
constexpr int kScoreRows = 2, kScorePartials = 2;  // attention: query heads, and partials of reduce16, of one tile
constexpr int kIntTileRows = 1;
template <int R> constexpr int kIntColumns = 1;
constexpr int kIntBlock = 512;
constexpr int kIntAhead = 0;

// Opaque to the compiler: keeps a probe's work from being merged or hoisted.
static inline __attribute__((always_inline)) void keep(Vec &x) { __asm__ volatile("" : "+m"(x)); }
static inline __attribute__((always_inline)) void keep(IAcc &x) { __asm__ volatile("" : "+m"(x)); }
static inline __attribute__((always_inline)) void keep(IInput &x) { __asm__ volatile("" : "+m"(x)); }
