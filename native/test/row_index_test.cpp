// Rows sorted by expert, and a group's forward pass against one row and one expert at a time.
#include <cmath>

#include "../src/group.h"
#include "../src/isa.h"
#include "test_model.h"

using namespace pangu_test;

PANGU_TEST(Row_index_should_list_every_choice_once_under_its_expert) {
    const int rows = 9, chosen = 2, experts = 5;
    const int32_t ids[rows * chosen] = {0, 3, 1, 3, 0, 1, 3, 4, 0, 4, 1, 4, 0, 1, 0, 3, 3, 4};  // nobody chooses expert 2
    float weights[rows * chosen], scales[rows];
    int32_t sums[rows];
    const void *x[rows];
    for (int i = 0; i < rows * chosen; i++) weights[i] = (float)i;
    for (int r = 0; r < rows; r++) x[r] = &weights[r], scales[r] = (float)r, sums[r] = 10 * r;
    pangu::RowIndex index;
    CHECK(index.allocate(rows * chosen, experts, true));
    // Twice: nothing of the first call may remain.
    for (int round = 0; round < 2; round++) {
        index.build(rows, chosen, experts, ids, weights, {x, scales, sums}, true);
        int at = 0;
        for (int e = 0; e < experts; e++) {
            CHECK(index.starts[e] == at);
            for (int i = 0; i < rows * chosen; i++) {
                if (ids[i] != e) continue;
                int r = i / chosen;
                CHECK(index.row[at] == r && index.choice[at] == i % chosen && index.weight[at] == weights[i]);
                CHECK(index.x[at] == x[r] && index.scale[at] == scales[r] && index.sum[at] == sums[r]);
                at++;
            }
            CHECK(index.count(e) == at - index.starts[e]);
        }
        CHECK(index.starts[experts] == rows * chosen);
    }
}

namespace {

// silu(gate) * up, then down: one expert, one row, through the kernels' own panels.
std::vector<float> expert_row(const pangu::Kernels &k, const TestModel &m, const pangu_expert &e, const std::vector<float> &x) {
    auto product = [&](const pangu_tensor &t, const std::vector<float> &in, int panel) {
        std::vector<float> tile(64);
        const void *rows[] = {in.data()};
        int64_t bytes = 64LL * t.inputs * 4;
        k.panel({t.type, t.inputs, (const uint8_t *)m.group.file + t.offset + panel * bytes, nullptr}, {rows, nullptr, nullptr}, 0, 1, tile.data());
        return tile;
    };
    std::vector<float> h((size_t)m.shape.expert_intermediate), y((size_t)m.shape.hidden);
    for (int i = 0; i < m.shape.expert_intermediate; i++) {
        float g = product(e.gate_up, x, i / 64 * 2)[(size_t)(i % 64)], s;
        k.silu_array(&g, 1, &s);
        h[(size_t)i] = s * product(e.gate_up, x, i / 64 * 2 + 1)[(size_t)(i % 64)];
    }
    for (int i = 0; i < m.shape.hidden; i++) y[(size_t)i] = product(e.down, h, i / 64)[(size_t)(i % 64)];
    return y;
}

}  // namespace

PANGU_TEST(Forward_should_be_the_weighted_sum_of_each_rows_experts_in_ascending_order) {
    TestModel m(odd_shape(), PANGU_F32, 51);
    Runner runner(m, nullptr, 2);
    const int rows = 7, layer = 1, experts = m.shape.experts / m.shape.groups;
    Random random(52);
    std::vector<float> x((size_t)(rows * m.shape.hidden)), weights, output(x.size());
    std::vector<int32_t> ids;
    for (float &v : x) v = random.uniform(1.0f);
    for (int r = 0; r < rows; r++) {
        int low = random.below(experts - 1), high = low + 1 + random.below(experts - 1 - low);
        ids.insert(ids.end(), {low, high});
        weights.insert(weights.end(), {random.uniform(1.0f), random.uniform(1.0f)});
    }
    int64_t bytes = (int64_t)x.size() * 4;
    CHECK(pangu_group_forward(runner.group, layer, rows, x.data(), bytes, ids.data(), 2 * rows, weights.data(), 2 * rows, output.data(), bytes) == PANGU_OK);
    const pangu::Kernels *k = nullptr;
    CHECK(pangu::select_kernels(nullptr, &k) == PANGU_OK);
    for (int r = 0; r < rows; r++) {
        std::vector<float> row(x.begin() + r * m.shape.hidden, x.begin() + (r + 1) * m.shape.hidden), y(row.size());
        for (int j = 0; j < 2; j++) {
            std::vector<float> f = expert_row(*k, m, m.experts[(size_t)(layer * experts + ids[(size_t)(2 * r + j)])], row);
            for (size_t i = 0; i < y.size(); i++) y[i] = std::fma(weights[(size_t)(2 * r + j)], f[i], y[i]);
        }
        CHECK(same_bits(y.data(), &output[(size_t)(r * m.shape.hidden)], y.size() * 4));
    }
}
