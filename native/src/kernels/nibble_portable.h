// Integer products with 4-bit weights in plain C++. Included inside namespace pangu::portable; nibble_avx512.h tells the layout.

struct NibbleAcc { int32_t v[16]; };
struct NibbleWeights { uint8_t v[64]; };
struct NibbleInput { int16_t v[4]; };

static inline NibbleAcc nibble_start(int32_t correction) {
    NibbleAcc a;
    for (int lane = 0; lane < 16; lane++) a.v[lane] = correction;
    return a;
}
static inline NibbleWeights nibble_low(const uint8_t *p) {
    NibbleWeights w;
    for (int i = 0; i < 64; i++) w.v[i] = p[i] & 15;
    return w;
}
static inline NibbleWeights nibble_high(const uint8_t *p) {
    NibbleWeights w;
    for (int i = 0; i < 64; i++) w.v[i] = p[i] >> 4;
    return w;
}
static inline NibbleInput nibble_input(const int8_t *x) { return {{x[0], x[1], x[2], x[3]}}; }
static inline __attribute__((always_inline)) void nibble_step(NibbleAcc &a, const NibbleWeights &w, const NibbleInput &x) {
    for (int lane = 0; lane < 16; lane++)
        a.v[lane] += w.v[4 * lane] * x.v[0] + w.v[4 * lane + 1] * x.v[1] + w.v[4 * lane + 2] * x.v[2] + w.v[4 * lane + 3] * x.v[3];
}
static inline void nibble_fold(NibbleAcc &) {}
static inline VecI nibble_sum(const NibbleAcc &a) { return vload_int(a.v); }

constexpr int kNibbleTileRows = 1;
template <int R> constexpr int kNibbleColumns = 1;
constexpr int kNibbleRun = 128;
constexpr int kNibbleGroups = 4;
