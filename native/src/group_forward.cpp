// A group's forward pass: rows sorted by expert through an index, then gate and up, then down with the weighted sum over a row's experts.
#include "group.h"
#include "trunk.h"

using namespace pangu;

namespace {

// Cuts every expert's rows into (panel, chunk) items; items[e] is expert e's first. Returns the number of items.
struct ExpertItems {
    const pangu_group &group;
    int panels;

    Split split(int32_t expert) const { return Split(panels, group.index.count(expert), group.machine.pool.threads()); }

    int64_t number() const {
        int64_t n = 0;
        for (int32_t e = 0; e < group.per_group(); e++) {
            group.items[e] = n;
            if (group.index.count(e) > 0) n += split(e).items(panels);
        }
        return group.items[group.per_group()] = n;
    }
};

struct Item {
    int32_t expert, panel, first, count;  // first: entry
};

Item find_item(const ExpertItems &items, int64_t item) {
    int32_t e = 0;
    while (items.group.items[e + 1] <= item) e++;
    Split split = items.split(e);
    int64_t local = item - items.group.items[e];
    int32_t offset = (int32_t)(local % split.chunks) * split.chunk, rows = items.group.index.count(e);
    return {e, (int32_t)(local / split.chunks), items.group.index.starts[e] + offset, rows - offset < split.chunk ? rows - offset : split.chunk};
}

struct Forward {
    pangu_group &g;
    const Expert *experts;  // of the layer
    uint8_t *output;
    int64_t row_bytes;

    void gate_up() const {
        ExpertItems items{g, experts[0].gate_up.output_panels()};
        int64_t number = items.number();
        g.machine.pool.each(number, 2 * experts[0].gate_up.panel_bytes, [&](int64_t i, int thread) {
            Item item = find_item(items, i);
            swiglu_item(g.machine, experts[item.expert].gate_up, g.index.inputs(), item.panel, item.first, item.count, thread,
                        g.intermediate.row(0), g.intermediate.stride());
        });
    }

    // One panel of one expert's down projection, added to its rows; the last expert of a row rounds to the output type.
    void down_item(const Item &item, int thread) const {
        const Kernels &k = *g.machine.kernels;
        const Matrix &down = experts[item.expert].down;
        float *tile = g.machine.tile(thread, 0);
        int lanes = down.lanes(item.panel), chosen = g.chosen();
        int64_t column = (int64_t)item.panel * kLanes, element = g.group_output_type == PANGU_F32 ? 4 : 2;
        for (int32_t i = 0; i < item.count; i++) expect_rows(output + g.index.row[item.first + i] * row_bytes + column * element, 0, 1, lanes * element);
        k.panel(down.panel(item.panel), g.intermediate.rows(), item.first, item.count, tile);
        for (int32_t i = 0; i < item.count; i++) {
            int32_t entry = item.first + i, row = g.index.row[entry], choice = g.index.choice[entry];
            const float *f = tile + (int64_t)i * kLanes;
            const float weight = g.index.weight[entry];
            uint8_t *out = output + row * row_bytes + column * element;
            if (chosen == 1) {
                k.weigh(g.group_output_type, f, lanes, weight, out);
                continue;
            }
            float *y = g.sum.data() + (int64_t)row * g.shape.hidden + column;
            k.accumulate(f, lanes, weight, choice == 0, y);
            if (choice == chosen - 1) k.narrow(g.group_output_type, y, lanes, out);
        }
    }

    void down_one_choice() const {
        ExpertItems items{g, experts[0].down.output_panels()};
        int64_t number = items.number();
        g.machine.pool.each(number, experts[0].down.panel_bytes, [&](int64_t i, int thread) { down_item(find_item(items, i), thread); });
    }

    // A row meets several experts: an item takes one panel through all of them, so that their order is ascending.
    void down_many_choices() const {
        int panels = experts[0].down.output_panels();
        g.machine.pool.each(panels, experts[0].down.panel_bytes * g.per_group(), [&](int64_t panel, int thread) {
            for (int32_t e = 0; e < g.per_group(); e++)
                for (int32_t at = g.index.starts[e]; at < g.index.starts[e + 1]; at += kChunkRows) {
                    int32_t rest = g.index.starts[e + 1] - at;
                    down_item({e, (int32_t)panel, at, rest < kChunkRows ? rest : kChunkRows}, thread);
                }
        });
    }
};

pangu_status check_experts(const pangu_group &g, int32_t rows, const int32_t *ids) {
    int32_t chosen = g.chosen(), experts = g.per_group();
    for (int64_t i = 0; i < (int64_t)rows * chosen; i++) {
        int32_t low = i % chosen == 0 ? 0 : ids[i - 1] + 1;
        if (ids[i] < low || ids[i] >= experts)
            return fail(PANGU_OUT_OF_RANGE, "experts[%lld] is %d; it must be %d to %d", (long long)i, ids[i], low, experts - 1);
    }
    return PANGU_OK;
}

}  // namespace

extern "C" PANGU_API pangu_status pangu_group_forward(pangu_group *group, int32_t layer, int32_t rows, const void *activations,
                                                      int64_t activation_bytes, const int32_t *experts, int64_t experts_length,
                                                      const float *weights, int64_t weights_length, void *output, int64_t output_bytes) {
    if (group == nullptr) return fail(PANGU_NULL_ARGUMENT, "group is null");
    pangu_group &g = *group;
    const pangu_shape &s = g.shape;
    int64_t in_bytes = encoded_bytes(s.hidden, g.quantized), out_bytes = s.hidden * (g.group_output_type == PANGU_F32 ? 4LL : 2LL);
    int64_t entries = (int64_t)rows * g.chosen();
    PANGU_TRY(check_rows(rows, g.max_rows));
    PANGU_TRY(check_layer(layer, s.layers));
    PANGU_TRY(check_length("activations", activations, activation_bytes, rows * in_bytes));
    PANGU_TRY(check_length("experts", experts, experts_length, entries));
    PANGU_TRY(check_length("weights", weights, weights_length, entries));
    PANGU_TRY(check_length("output", output, output_bytes, rows * out_bytes));
    PANGU_TRY(check_aligned("output", output, out_bytes / s.hidden));
    PANGU_TRY(check_experts(g, rows, experts));
    const Kernels &k = *g.machine.kernels;
    g.machine.pool.each(rows, in_bytes, [&](int64_t r, int) { g.inputs.take_encoded(k, r, (const uint8_t *)activations + r * in_bytes); });
    g.index.build(rows, g.chosen(), g.per_group(), experts, weights, g.inputs.rows(), g.quantized);
    Forward forward{g, g.experts.data() + (int64_t)layer * g.per_group(), (uint8_t *)output, out_bytes};
    forward.gate_up();
    g.machine.pool.each(entries, s.expert_intermediate * 8LL, [&](int64_t entry, int) { g.intermediate.prepare(k, entry); });
    if (g.chosen() == 1) forward.down_one_choice();
    else forward.down_many_choices();
    return PANGU_OK;
}
