// Every kernel over odd sizes: each instruction set against a scalar text of NUMERICS.md, or against the portable one.
#include <cmath>
#include <vector>

#include "check.h"
#include "isa_list.h"

using namespace pangu_test;
using pangu::kLanes;

namespace {

struct PanelCase {
    std::vector<uint8_t> memory;
    std::vector<float> scales, values;  // values: [rows][K] f32
    std::vector<int8_t> quants;         // [rows][K rounded up to 4]
    std::vector<const void *> x;
    std::vector<float> row_scales;
    std::vector<int32_t> sums;
    pangu::Panel panel;

    pangu::RowSet rows() const { return {x.data(), row_scales.data(), sums.data()}; }
};

uint8_t *align64(std::vector<uint8_t> &memory) { return memory.data() + (-(uintptr_t)memory.data() & 63); }

void fill_int8(PanelCase &c, int k, int rows, Random &random) {
    int padded = (k + 3) & ~3;
    c.memory.resize((size_t)padded * kLanes + 64);
    uint8_t *w = align64(c.memory);
    // Extremes on purpose: 255 * 127 pairs are what a saturating instruction would get wrong.
    for (int i = 0; i < padded * kLanes; i++) w[i] = random.below(4) == 0 ? (random.below(2) ? 255 : 1) : (uint8_t)(1 + random.below(255));
    c.quants.resize((size_t)rows * padded);
    for (int8_t &q : c.quants) q = (int8_t)(random.below(4) == 0 ? (random.below(2) ? 127 : -127) : random.below(255) - 127);
    for (int r = 0; r < rows; r++) {
        int32_t sum = 0;
        for (int i = 0; i < padded; i++) {
            int8_t &q = c.quants[(size_t)r * padded + i];
            if (i >= k) q = 0;
            sum += q;
        }
        c.x.push_back(&c.quants[(size_t)r * padded]);
        c.sums.push_back(sum);
        c.row_scales.push_back(0.001f + (float)random.below(100) * 0.01f);
    }
    for (int i = 0; i < kLanes; i++) c.scales.push_back(0.002f + (float)random.below(100) * 0.003f);
    c.panel = {PANGU_I8, k, w, c.scales.data()};
}

void fill_float(PanelCase &c, int type, int k, int rows, Random &random) {
    int size = type == PANGU_F32 ? 4 : 2;
    c.memory.resize((size_t)k * kLanes * size + 64);
    uint8_t *w = align64(c.memory);
    for (int i = 0; i < k * kLanes; i++) {
        float v = random.uniform(1.0f);
        uint32_t u = bits(v);
        uint16_t half = type == PANGU_BF16 ? (uint16_t)(u >> 16) : (uint16_t)((random.next() & 0x83ff) | ((uint64_t)random.below(16) << 10));
        if (size == 4) memcpy(w + (size_t)i * 4, &v, 4);
        else memcpy(w + (size_t)i * 2, &half, 2);
    }
    c.values.resize((size_t)rows * k);
    for (float &v : c.values) v = random.uniform(2.0f);
    for (int r = 0; r < rows; r++) c.x.push_back(&c.values[(size_t)r * k]);
    c.panel = {type, k, w, nullptr};
}

// One output, exactly as NUMERICS.md words it.
float reference(const PanelCase &c, int row, int lane) {
    const pangu::Panel &p = c.panel;
    const uint8_t *w = (const uint8_t *)p.weights;
    if (p.type == PANGU_I8) {
        int64_t acc = 0;
        const int8_t *q = (const int8_t *)c.x[row];
        for (int k = 0; k < p.inputs; k++) acc += (int64_t)q[k] * ((int)w[(k / 4) * kLanes * 4 + lane * 4 + k % 4] - 128);
        return (float)(int32_t)acc * (c.row_scales[row] * c.scales[lane]);
    }
    const float *x = (const float *)c.x[row];
    float total = 0;
    for (int k0 = 0; k0 < p.inputs; k0 += 512) {
        float chain = 0;
        for (int k = k0; k < p.inputs && k < k0 + 512; k++) {
            float v;
            if (p.type == PANGU_F32) {
                memcpy(&v, w + ((size_t)k * kLanes + lane) * 4, 4);
            } else {
                uint16_t h;
                memcpy(&h, w + ((size_t)k * kLanes + lane) * 2, 2);
                (*IsaList().begin())->widen(p.type, &h, 1, &v);
            }
            chain = std::fma(v, x[k], chain);
        }
        total = total + chain;
    }
    return total;
}

void check_panel(int type, int k, int rows) {
    Random random((uint64_t)(type * 100000 + k * 100 + rows));
    PanelCase c;
    if (type == PANGU_I8) fill_int8(c, k, rows, random);
    else fill_float(c, type, k, rows, random);
    std::vector<float> expected((size_t)rows * kLanes), tile(expected.size()), single(kLanes);
    for (int r = 0; r < rows; r++)
        for (int lane = 0; lane < kLanes; lane++) expected[(size_t)r * kLanes + lane] = reference(c, r, lane);
    for (const pangu::Kernels *kernels : IsaList()) {
        kernels->panel(c.panel, c.rows(), 0, rows, tile.data());
        CHECK(same_bits(expected.data(), tile.data(), tile.size() * 4));
        // A row alone, and rows of the middle: the same bits as in the crowd.
        kernels->panel(c.panel, c.rows(), rows - 1, 1, single.data());
        CHECK(same_bits(&expected[(size_t)(rows - 1) * kLanes], single.data(), kLanes * 4));
        kernels->panel(c.panel, c.rows(), rows / 3, rows - rows / 3, tile.data());
        CHECK(same_bits(&expected[(size_t)(rows / 3) * kLanes], tile.data(), (size_t)(rows - rows / 3) * kLanes * 4));
    }
}

}  // namespace

PANGU_TEST(Panel_should_follow_the_written_order_for_every_type_size_and_number_of_rows) {
    for (int type : {PANGU_F32, PANGU_BF16, PANGU_F16, PANGU_I8})
        for (int k : {1, 3, 17, 40, 96, 512, 513, 1030})
            for (int rows : {1, 2, 3, 4, 5, 6, 7, 11, 13}) check_panel(type, k, rows);
}

PANGU_TEST(Panel_should_be_exact_when_int8_inputs_span_blocks_and_hit_the_extremes) {
    for (int k : {2047, 2048, 2052, 4099}) check_panel(PANGU_I8, k, 7);
    const int k = 133000;
    PanelCase c;
    std::vector<int8_t> q(k, 127);
    c.memory.assign((size_t)k * kLanes + 64, 255);
    c.x = {q.data()};
    c.sums = {127 * k};
    c.row_scales = {1.0f};
    c.scales.assign(kLanes, 1.0f);
    c.panel = {PANGU_I8, k, align64(c.memory), c.scales.data()};
    for (const pangu::Kernels *kernels : IsaList()) {
        float tile[kLanes];
        kernels->panel(c.panel, c.rows(), 0, 1, tile);
        for (float y : tile) CHECK(bits(y) == bits((float)(127 * 127 * k)));
    }
}

PANGU_TEST(Panel_of_64_rows_should_have_the_bits_of_64_single_rows) {
    for (int type : {PANGU_BF16, PANGU_I8}) {
        Random random(77);
        PanelCase c;
        if (type == PANGU_I8) fill_int8(c, 600, 64, random);
        else fill_float(c, type, 600, 64, random);
        for (const pangu::Kernels *kernels : IsaList()) {
            float batch[64 * kLanes], single[kLanes];
            kernels->panel(c.panel, c.rows(), 0, 64, batch);
            for (int r = 0; r < 64; r++) {
                kernels->panel(c.panel, c.rows(), r, 1, single);
                CHECK(same_bits(batch + r * kLanes, single, sizeof single));
            }
        }
    }
}

PANGU_TEST(Quantize_should_round_to_even_and_sum_exactly) {
    Random random(9);
    for (const pangu::Kernels *k : IsaList())
        for (int n : {1, 5, 16, 30, 67, 128}) {
            std::vector<float> x((size_t)n);
            for (float &v : x) v = random.uniform(3.0f);
            std::vector<int8_t> q((size_t)n + 64, 99);
            float scale, m = 0;
            int32_t sum = k->quantize(x.data(), n, n + 5, q.data(), &scale), expected = 0;
            for (float v : x) m = std::fmax(m, std::fabs(v));
            CHECK(bits(scale) == bits(m / 127.0f));
            for (int i = 0; i < n; i++) {
                int value = (int)std::nearbyintf(x[(size_t)i] * (127.0f / m));
                CHECK(q[(size_t)i] == value);
                expected += value;
            }
            CHECK(sum == expected);
            for (int i = n; i < n + 5; i++) CHECK(q[(size_t)i] == 0);
            CHECK(q[(size_t)n + 5] == 99);
            CHECK(k->sum_int8(q.data(), n) == expected);
        }
}

PANGU_TEST(Quantize_should_give_zeros_when_the_row_is_almost_zero) {
    for (const pangu::Kernels *k : IsaList())
        for (float v : {0.0f, -0.0f, 0x1p-101f}) {
            float x[20], scale = 7;
            int8_t q[20];
            for (float &e : x) e = v;
            CHECK(k->quantize(x, 20, 20, q, &scale) == 0);
            CHECK(bits(scale) == 0);
            for (int8_t e : q) CHECK(e == 0);
        }
}

PANGU_TEST(Rms_should_follow_the_written_order) {
    Random random(10);
    for (const pangu::Kernels *k : IsaList())
        for (int n : {1, 15, 16, 72, 96, 150}) {
            std::vector<float> x((size_t)n), w((size_t)n), y((size_t)n);
            for (float &v : x) v = random.uniform(5.0f);
            for (float &v : w) v = 1.0f + random.uniform(0.2f);
            k->rms(x.data(), w.data(), n, 1e-5f, y.data());
            float r = 1.0f / std::sqrt(k->dot16(x.data(), x.data(), n) / (float)n + 1e-5f);
            for (size_t i = 0; i < x.size(); i++) CHECK(bits(y[i]) == bits((x[i] * r) * w[i]));
        }
}

PANGU_TEST(Rope_should_rotate_lane_pairs_of_every_head_size) {
    Random random(11);
    for (const pangu::Kernels *k : IsaList())
        for (int dim : {2, 10, 16, 48, 128, 150}) {
            std::vector<float> x((size_t)dim * 3), c((size_t)dim / 2), s(c.size());
            for (float &v : x) v = random.uniform(2.0f);
            for (float &v : c) v = random.uniform(1.0f);
            for (float &v : s) v = random.uniform(1.0f);
            std::vector<float> before = x;
            k->rope(x.data(), 3, dim, c.data(), s.data());
            for (int h = 0; h < 3; h++)
                for (int j = 0; j < dim / 2; j++) {
                    float u = before[(size_t)(h * dim + j)], v = before[(size_t)(h * dim + j + dim / 2)];
                    CHECK(bits(x[(size_t)(h * dim + j)]) == bits(std::fma(u, c[(size_t)j], -(v * s[(size_t)j]))));
                    CHECK(bits(x[(size_t)(h * dim + j + dim / 2)]) == bits(std::fma(v, c[(size_t)j], u * s[(size_t)j])));
                }
        }
}

PANGU_TEST(Route_should_pick_the_best_of_every_group_and_the_lower_id_when_tied) {
    // Two groups of 5, two chosen: a tie inside a group, and one of not-a-numbers, which must still give valid ids.
    float gate[10] = {1, 3, 3, 3, 0, 5, 4, 4, 6, 1}, scale[10], scores[16], weights[4];
    for (int i = 0; i < 10; i++) scale[i] = 1.0f + (float)i;
    int32_t ids[4];
    for (const pangu::Kernels *k : IsaList()) {
        pangu::RouteArgs a = {gate, scale, 10, 2, 5, 2, scores, ids, weights, 2};
        k->route(a);
        CHECK(ids[0] == 1 && ids[1] == 2 && ids[2] == 0 && ids[3] == 3);
        CHECK(bits(weights[0]) == bits(scores[1] * 2.0f) && bits(weights[3]) == bits(scores[8] * 9.0f));
        float bad[10];
        for (float &v : bad) v = NAN;
        a.gate = bad;
        k->route(a);
        for (int g = 0; g < 2; g++) CHECK(ids[2 * g] >= 0 && ids[2 * g] < ids[2 * g + 1] && ids[2 * g + 1] < 5);
    }
}

PANGU_TEST(Additions_should_happen_in_the_written_order) {
    Random random(13);
    for (const pangu::Kernels *k : IsaList())
        for (int n : {1, 16, 23, 64}) {
            float tile[64], bias[64], x[64], y[64], outputs[3][64], shared[64];
            for (int i = 0; i < 64; i++) {
                tile[i] = random.uniform(1.0f), bias[i] = random.uniform(1.0f), x[i] = random.uniform(1.0f), shared[i] = random.uniform(1.0f);
                for (int g = 0; g < 3; g++) outputs[g][i] = random.uniform(1.0f);
            }
            memcpy(y, x, sizeof y);
            k->store_tile(tile, 1, n, bias, true, y, 64);
            for (int i = 0; i < n; i++) CHECK(bits(y[i]) == bits(x[i] + (tile[i] + bias[i])));
            k->store_tile(tile, 1, n, bias, false, y, 64);
            for (int i = 0; i < n; i++) CHECK(bits(y[i]) == bits(tile[i] + bias[i]));
            memcpy(y, x, sizeof y);
            k->combine(PANGU_F32, (const uint8_t *)outputs, sizeof outputs[0], 3, shared, n, y);
            for (int i = 0; i < n; i++) CHECK(bits(y[i]) == bits(x[i] + (((outputs[0][i] + outputs[1][i]) + outputs[2][i]) + shared[i])));
            memcpy(y, x, sizeof y);
            k->accumulate(tile, n, 0.3f, false, y);
            for (int i = 0; i < n; i++) CHECK(bits(y[i]) == bits(std::fma(0.3f, tile[i], x[i])));
            k->accumulate(tile, n, 0.3f, true, y);
            for (int32_t type : {PANGU_F32, PANGU_BF16}) {
                uint16_t separate[128] = {}, fused[128] = {};
                k->narrow(type, y, n, separate);
                k->weigh(type, tile, n, 0.3f, fused);
                CHECK(memcmp(separate, fused, sizeof fused) == 0);
            }
        }
}

PANGU_TEST(Row_kernels_should_stay_inside_their_buffers) {
    Random random(12);
    for (const pangu::Kernels *k : IsaList())
        for (int n : {1, 7, 16, 23, 64}) {
            std::vector<float> x((size_t)n + 16, 1.5f), y((size_t)n + 16, 42.0f);
            k->rms(x.data(), x.data(), n, 0.1f, y.data());
            k->accumulate(x.data(), n, 2.0f, true, y.data());
            k->weigh(PANGU_F32, x.data(), n, 2.0f, y.data());
            k->widen(PANGU_F32, x.data(), n, y.data());
            k->combine(PANGU_F32, (const uint8_t *)x.data(), 0, 2, x.data(), n, y.data());
            float tile[64] = {};
            k->store_tile(tile, 1, n, nullptr, true, y.data(), 100);
            k->swiglu(tile, tile, 1, n, y.data(), 100);
            for (size_t i = (size_t)n; i < y.size(); i++) CHECK(bits(y[i]) == bits(42.0f));
        }
}
