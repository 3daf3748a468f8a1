// Integer products with 4-bit weights in plain C++. Included inside namespace pangu::portable; nibble_avx512.h tells the layout.

typedef IAcc NibbleAcc;
typedef IWeights NibbleWeights;
typedef IInput NibbleInput;

static inline NibbleAcc nibble_start(int32_t correction) {
    const I4 c = {correction, correction, correction, correction};
    return {{c, c, c, c}};
}
template <int Shift> static inline NibbleWeights nibble_weights(const uint8_t *p) {
    NibbleWeights w;
    PANGU_EACH {
        I4 bytes;
        __builtin_memcpy(&bytes, p + 16 * i, 16);
        w.even[i] = (bytes >> Shift) & 0xf000f;
        w.odd[i] = (bytes >> (Shift + 8)) & 0xf000f;
    }
    return w;
}
static inline NibbleWeights nibble_low(const uint8_t *p) { return nibble_weights<0>(p); }
static inline NibbleWeights nibble_high(const uint8_t *p) { return nibble_weights<4>(p); }
static inline NibbleInput nibble_input(const int8_t *x) { return iacc_input(x); }
static inline __attribute__((always_inline)) void nibble_step(NibbleAcc &a, const NibbleWeights &w, const NibbleInput &x) { iacc_step(a, w, x); }
static inline void nibble_fold(NibbleAcc &) {}
static inline VecI nibble_sum(const NibbleAcc &a) { return iacc_sum(a); }

constexpr int kNibbleTileRows = 1;
template <int R> constexpr int kNibbleColumns = 1;
constexpr int kNibbleRun = 128;
constexpr int kNibbleGroups = 4;
