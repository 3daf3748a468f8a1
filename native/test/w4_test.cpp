// 4-bit weights: every instruction set against a scalar text of NUMERICS.md, from groups cut short to the extremes of a group's sum.
#include <cmath>
#include <vector>

#include "../src/operand.h"
#include "check.h"
#include "isa_list.h"

using namespace pangu_test;
using pangu::kLanes, pangu::kWeightGroup;

namespace {

struct NibbleCase {
    int inputs, rows;
    std::vector<int> q;            // [64][inputs] -7..7
    std::vector<uint16_t> scales;  // [groups][64] bf16
    std::vector<uint8_t> memory;
    std::vector<float> x;          // [rows][inputs]
    pangu::Panel panel = {};

    int groups() const { return pangu::weight_groups(inputs); }
    uint8_t *stream() { return memory.data() + (-(uintptr_t)memory.data() & 63); }
    float scale(int group, int lane) const {
        uint32_t u = (uint32_t)scales[(size_t)(group * kLanes + lane)] << 16;
        float s;
        memcpy(&s, &u, 4);
        return s;
    }
    void store();
};

// The panel as PanelTensor words it, written independently of the kernels: missing inputs are the nibble of zero.
void NibbleCase::store() {
    int padded = (inputs + 7) & ~7;
    memory.assign((size_t)(padded * kLanes / 2 + groups() * kLanes * 2 + 64), 0);
    uint8_t *to = stream();
    for (int g = 0; g < groups(); g++) {
        memcpy(to, &scales[(size_t)g * kLanes], kLanes * 2);
        to += kLanes * 2;
        for (int k8 = g * kWeightGroup; k8 < padded && k8 < (g + 1) * kWeightGroup; k8 += 8)
            for (int lane = 0; lane < kLanes; lane++)
                for (int j = 0; j < 4; j++) {
                    auto nibble = [&](int k) { return (k < inputs ? q[(size_t)(lane * inputs + k)] : 0) + 8; };
                    *to++ = (uint8_t)(nibble(k8 + j) | nibble(k8 + 4 + j) << 4);
                }
    }
    panel = {PANGU_I4, inputs, stream(), nullptr};
}

NibbleCase make_case(int inputs, int rows, uint64_t seed) {
    Random random(seed);
    NibbleCase c;
    c.inputs = inputs, c.rows = rows;
    for (int i = 0; i < kLanes * inputs; i++) c.q.push_back(random.below(3) == 0 ? (random.below(2) ? 7 : -7) : random.below(15) - 7);
    for (int i = 0; i < c.groups() * kLanes; i++) c.scales.push_back((uint16_t)(0x3c00 + random.below(0x180)));
    for (int i = 0; i < rows * inputs; i++) c.x.push_back(random.below(4) == 0 ? (random.below(2) ? 3.0f : -3.0f) : random.uniform(3.0f));
    c.store();
    return c;
}

// One output, exactly as NUMERICS.md words it, from the row's int8 values.
float reference(const NibbleCase &c, const int8_t *x, float row_scale, int lane) {
    float y = 0;
    for (int g = 0; g < c.groups(); g++) {
        int acc = 0;
        for (int k = g * kWeightGroup; k < c.inputs && k < (g + 1) * kWeightGroup; k++) acc += x[k] * c.q[(size_t)(lane * c.inputs + k)];
        y = std::fma((float)acc, c.scale(g, lane), y);
    }
    return y * row_scale;
}

void check(const NibbleCase &c) {
    for (const pangu::Kernels *k : IsaList()) {
        pangu::Operand x;
        CHECK(x.allocate(c.rows, c.inputs, PANGU_I4));
        for (int r = 0; r < c.rows; r++) {
            memcpy(x.row(r), &c.x[(size_t)(r * c.inputs)], (size_t)c.inputs * 4);
            x.prepare(*k, r);
        }
        std::vector<float> expected((size_t)c.rows * kLanes), tile(expected.size()), single(kLanes);
        for (int r = 0; r < c.rows; r++)
            for (int lane = 0; lane < kLanes; lane++)
                expected[(size_t)(r * kLanes + lane)] = reference(c, (const int8_t *)x.rows().x[r], x.rows().scales[r], lane);
        k->panel(c.panel, x.rows(), 0, c.rows, tile.data());
        CHECK(same_bits(expected.data(), tile.data(), tile.size() * 4));
        // A row alone, and rows of the middle: the same bits as in the crowd.
        k->panel(c.panel, x.rows(), c.rows - 1, 1, single.data());
        CHECK(same_bits(&expected[(size_t)((c.rows - 1) * kLanes)], single.data(), kLanes * 4));
        k->panel(c.panel, x.rows(), c.rows / 3, c.rows - c.rows / 3, tile.data());
        CHECK(same_bits(&expected[(size_t)(c.rows / 3 * kLanes)], tile.data(), (size_t)((c.rows - c.rows / 3) * kLanes) * 4));
    }
}

}  // namespace

PANGU_TEST(W4_panel_should_follow_the_written_order_for_every_size_and_number_of_rows) {
    for (int inputs : {1, 3, 8, 17, 70, 127, 128, 129, 136, 256, 300, 640, 1030})
        for (int rows : {1, 2, 3, 4, 5, 6, 7, 11, 13}) check(make_case(inputs, rows, (uint64_t)(inputs * 100 + rows)));
}

PANGU_TEST(W4_panel_should_have_the_same_bits_when_groups_span_blocks) {
    for (int inputs : {16 * kWeightGroup, 16 * kWeightGroup + 1, 33 * kWeightGroup - 5}) check(make_case(inputs, 7, (uint64_t)inputs));
    check(make_case(600, 64, 9));
}

PANGU_TEST(W4_panel_should_be_exact_when_a_group_is_at_its_extremes) {
    // 15 * 127 in every pair is what a saturating 16-bit sum would get wrong.
    for (int weight : {7, -7})
        for (float value : {2.0f, -2.0f}) {
            NibbleCase c = make_case(300, 3, 1);
            for (int &q : c.q) q = weight;
            for (float &x : c.x) x = value;
            c.store();
            check(c);
        }
}

PANGU_TEST(W4_groups_should_be_added_by_one_fused_operation) {
    // A sum below 2^16 times 8 bits of scale is exact: only larger sums tell a fused multiply-add from two roundings.
    NibbleCase c = make_case(640, 6, 4);
    Random random(5);
    for (int &q : c.q) q = 7 - random.below(2);
    for (float &x : c.x) x = 2.9f + random.uniform(0.1f);
    c.store();
    check(c);
}

PANGU_TEST(W4_reference_should_see_one_changed_nibble) {
    NibbleCase c = make_case(300, 1, 2);
    pangu::Operand x;
    CHECK(x.allocate(1, 300, PANGU_I4));
    for (const pangu::Kernels *k : IsaList()) {
        memcpy(x.row(0), c.x.data(), 300 * 4);
        x.prepare(*k, 0);
        float right[kLanes], wrong[kLanes];
        k->panel(c.panel, x.rows(), 0, 1, right);
        c.stream()[kLanes * 2] ^= 0x10;
        k->panel(c.panel, x.rows(), 0, 1, wrong);
        c.stream()[kLanes * 2] ^= 0x10;
        CHECK(!same_bits(right, wrong, sizeof right));
        CHECK(same_bits(right + 1, wrong + 1, sizeof right - 4));
    }
}

PANGU_TEST(Operand_should_give_the_same_row_when_it_comes_encoded) {
    Random random(3);
    for (const pangu::Kernels *k : IsaList())
        for (int inputs : {5, 64, 70, 128, 200}) {
            pangu::Operand own, taken;
            CHECK(own.allocate(1, inputs, PANGU_I4) && taken.allocate(1, inputs, PANGU_I4));
            for (int i = 0; i < inputs; i++) own.row(0)[i] = random.uniform(2.0f);
            std::vector<uint8_t> encoded((size_t)pangu::encoded_bytes(inputs, true));
            float scale;
            k->quantize(own.row(0), inputs, inputs, (int8_t *)encoded.data(), &scale);
            memcpy(&encoded[(size_t)inputs], &scale, 4);
            own.prepare(*k, 0);
            taken.take_encoded(*k, 0, encoded.data());
            size_t bytes = (size_t)(pangu::correction_offset(inputs) + pangu::weight_groups(inputs) * 4);
            CHECK(same_bits(own.rows().x[0], taken.rows().x[0], bytes));
            CHECK(bits(own.rows().scales[0]) == bits(taken.rows().scales[0]));
        }
}
