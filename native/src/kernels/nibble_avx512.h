// Integer products with 4-bit weights (AVX-512 VNNI). Included inside namespace pangu::avx512.
//
// 64 bytes hold 16 outputs x 8 inputs: byte 4 * lane + j has input j of the eight in its low and input 4 + j in its high nibble, both as
// q + 8. Either half is the unsigned operand of vpdpbusd as it stands.

struct NibbleAcc { __m512i v; };
struct NibbleWeights { __m512i v; };
struct NibbleInput { __m512i v; };

static inline NibbleAcc nibble_start(int32_t correction) { return {_mm512_set1_epi32(correction)}; }
// Volatile inline assembly keeps the loop in the order of its text: gcc 12 moves intrinsic accumulators through the stack, and hoists
// loads and broadcasts of the next half until a tile of six rows spills.
static inline __attribute__((always_inline)) NibbleWeights nibble_low(const uint8_t *p) {
    __m512i w, mask = _mm512_set1_epi8(15);
    __asm__ volatile("vpandd %1, %2, %0" : "=v"(w) : "m"(*(const __m512i *)p), "v"(mask));
    return {w};
}
static inline __attribute__((always_inline)) NibbleWeights nibble_high(const uint8_t *p) {
    __m512i w, mask = _mm512_set1_epi8(15);
    __asm__ volatile("vpsrlw $4, %1, %0\n\tvpandd %0, %2, %0" : "=&v"(w) : "m"(*(const __m512i *)p), "v"(mask));
    return {w};
}
static inline __attribute__((always_inline)) NibbleInput nibble_input(const int8_t *x) {
    __m512i v;
    __asm__ volatile("vpbroadcastd %1, %0" : "=v"(v) : "m"(*(const int32_t *)x));
    return {v};
}
static inline __attribute__((always_inline)) void nibble_step(NibbleAcc &a, const NibbleWeights &w, const NibbleInput &x) {
    __asm__ volatile("vpdpbusd %2, %1, %0" : "+v"(a.v) : "v"(w.v), "v"(x.v));
}
static inline __attribute__((always_inline)) void nibble_fold(NibbleAcc &) {}
static inline VecI nibble_sum(const NibbleAcc &a) { return a.v; }

// Register tiles: 24 accumulators, 4 weights, an input and the mask.
constexpr int kNibbleTileRows = 6;
template <int R> constexpr int kNibbleColumns = 4;
constexpr int kNibbleRun = 128;     // inputs between two folds
constexpr int kNibbleGroups = 16;   // groups of a block: 66 KB of a panel stay in L2 while all rows meet them
