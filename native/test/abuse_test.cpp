// Every call of the C interface with each of its arguments spoilt in turn: null, misaligned, negative, one short, huge. The table names the
// argument and the message must name it too. What one function checks beyond that is in misuse_test.cpp.
#include <climits>
#include <functional>

#include "test_model.h"

using namespace pangu_test;

namespace {

// Arguments of any call, as one record that a case changes one field of.
struct Call {
    pangu_trunk *trunk;
    pangu_group *group;
    pangu_batch batch;
    const pangu_batch *batch_pointer;
    int32_t layer = 0, rows = 2;
    float *hidden, *shared, *logits, *weights;
    int32_t *experts;
    uint8_t *activations, *outputs;
    int64_t hidden_length = 144, shared_length = 144, logits_length = 150, weights_length, experts_length, activation_bytes = 152, output_bytes;
};

struct Function {
    const char *name;
    pangu_status (*run)(Call &c);
    // Which of the fields below the function takes.
    const char *fields;
};

const Function functions[] = {
    {"embed", [](Call &c) { return pangu_trunk_embed(c.trunk, c.batch_pointer, c.hidden, c.hidden_length); }, "trunk batch tokens hidden"},
    {"attend", [](Call &c) { return pangu_trunk_attend(c.trunk, c.layer, c.batch_pointer, c.hidden, c.hidden_length); },
     "trunk layer batch positions tables blocks hidden"},
    {"route", [](Call &c) { return pangu_trunk_route(c.trunk, c.layer, c.rows, c.hidden, c.hidden_length, c.activations, c.activation_bytes, c.experts,
                                                     c.experts_length, c.weights, c.weights_length); },
     "trunk layer rows hidden activations experts weights"},
    {"shared", [](Call &c) { return pangu_trunk_shared(c.trunk, c.layer, c.rows, c.activations, c.activation_bytes, c.shared, c.shared_length); },
     "trunk layer rows activations shared"},
    {"combine", [](Call &c) { return pangu_trunk_combine(c.trunk, c.rows, c.outputs, c.output_bytes, c.shared, c.shared_length, c.hidden, c.hidden_length); },
     "trunk rows outputs shared hidden"},
    {"logits", [](Call &c) { return pangu_trunk_logits(c.trunk, c.batch_pointer, c.hidden, c.hidden_length, c.logits, c.logits_length); },
     "trunk batch logit_rows hidden logits"},
    {"group_forward", [](Call &c) { return pangu_group_forward(c.group, c.layer, c.rows, c.activations, c.activation_bytes, c.experts, c.experts_length,
                                                               c.weights, c.weights_length, c.outputs, c.output_bytes); },
     "group layer rows activations experts weights outputs"},
};

struct Spoilt {
    const char *field;
    pangu_status expected;
    std::function<void(Call &)> change;
};

template <class T> T *off(T *pointer) { return (T *)((uintptr_t)pointer + 1); }

std::vector<Spoilt> spoilt() {
    std::vector<Spoilt> all = {
        {"trunk", PANGU_NULL_ARGUMENT, [](Call &c) { c.trunk = nullptr; }},
        {"group", PANGU_NULL_ARGUMENT, [](Call &c) { c.group = nullptr; }},
        {"batch", PANGU_NULL_ARGUMENT, [](Call &c) { c.batch_pointer = nullptr; }},
        {"batch", PANGU_BAD_LAYOUT, [](Call &c) { c.batch_pointer = off(c.batch_pointer); }},
    };
    auto pointer = [&](const char *field, auto member, bool bytes) {
        all.push_back({field, PANGU_NULL_ARGUMENT, [=](Call &c) { member(c) = nullptr; }});
        if (!bytes) all.push_back({field, PANGU_BAD_LAYOUT, [=](Call &c) { member(c) = off(member(c)); }});
    };
    auto length = [&](const char *field, auto member) {
        for (int64_t bad : {(int64_t)-1, (int64_t)0, (int64_t)INT64_MIN}) all.push_back({field, PANGU_OUT_OF_RANGE, [=](Call &c) { member(c) = bad; }});
        all.push_back({field, PANGU_OUT_OF_RANGE, [=](Call &c) { member(c)--; }});
        all.push_back({field, PANGU_OK, [=](Call &c) { member(c) = INT64_MAX; }});  // longer than needed is fine
    };
    pointer("hidden", [](Call &c) -> auto & { return c.hidden; }, false), length("hidden", [](Call &c) -> auto & { return c.hidden_length; });
    pointer("shared", [](Call &c) -> auto & { return c.shared; }, false), length("shared", [](Call &c) -> auto & { return c.shared_length; });
    pointer("logits", [](Call &c) -> auto & { return c.logits; }, false), length("logits", [](Call &c) -> auto & { return c.logits_length; });
    pointer("weights", [](Call &c) -> auto & { return c.weights; }, false), length("weights", [](Call &c) -> auto & { return c.weights_length; });
    pointer("experts", [](Call &c) -> auto & { return c.experts; }, false), length("experts", [](Call &c) -> auto & { return c.experts_length; });
    pointer("outputs", [](Call &c) -> auto & { return c.outputs; }, false), length("outputs", [](Call &c) -> auto & { return c.output_bytes; });
    pointer("activations", [](Call &c) -> auto & { return c.activations; }, true), length("activations", [](Call &c) -> auto & { return c.activation_bytes; });
    pointer("tokens", [](Call &c) -> auto & { return c.batch.tokens; }, false);
    pointer("positions", [](Call &c) -> auto & { return c.batch.positions; }, false);
    pointer("tables", [](Call &c) -> auto & { return c.batch.tables; }, false);
    pointer("blocks", [](Call &c) -> auto & { return c.batch.blocks; }, false);
    pointer("logit_rows", [](Call &c) -> auto & { return c.batch.logit_rows; }, false);
    for (int bad : {-1, 2, INT_MIN, INT_MAX}) all.push_back({"layer", PANGU_OUT_OF_RANGE, [=](Call &c) { c.layer = bad; }});
    for (int bad : {0, -1, 65, INT_MIN, INT_MAX}) {
        all.push_back({"rows", PANGU_OUT_OF_RANGE, [=](Call &c) { c.rows = bad; }});
        all.push_back({"batch", PANGU_OUT_OF_RANGE, [=](Call &c) { c.batch.rows = bad; }});
    }
    return all;
}

bool takes(const Function &function, const char *field) {
    // Whole words: "logits" is none of "logit_rows".
    size_t length = strlen(field);
    for (const char *at = function.fields; (at = strstr(at, field)) != nullptr; at++)
        if ((at == function.fields || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0)) return true;
    return false;
}

}  // namespace

PANGU_TEST(Every_call_should_refuse_every_spoilt_argument) {
    TestModel m(odd_shape(), PANGU_I8, 51);
    Runner runner(m, nullptr, 2);
    std::vector<int32_t> tokens = {1, 2}, positions = {0, 1}, tables = {0, 0}, blocks = {3, 4}, logit_rows = {0, 1}, experts(16);
    std::vector<float> hidden(145), shared(145), logits(151), weights(17);
    std::vector<uint8_t> activations(153), outputs(2 * 288 * 2 + 1);
    const std::vector<Spoilt> cases = spoilt();
    int tried = 0;
    for (const Function &f : functions) {
        // Two rows of the odd shape: 72 hidden, 75 ids, 2 groups of 6 experts, 2 of each chosen per token.
        bool group = takes(f, "group");
        int64_t picks = group ? 4 : 2LL * m.shape.experts_per_token;
        Call good;
        good.trunk = runner.trunk, good.group = runner.group, good.batch_pointer = nullptr;
        good.batch = {2, 2, 2, 0, tokens.data(), positions.data(), tables.data(), blocks.data(), logit_rows.data()};
        good.hidden = hidden.data(), good.shared = shared.data(), good.logits = logits.data(), good.weights = weights.data();
        good.experts = experts.data(), good.activations = activations.data(), good.outputs = outputs.data();
        good.weights_length = good.experts_length = picks;
        good.output_bytes = 2 * m.output_bytes() * (group ? 1 : m.shape.groups);
        auto run = [&](const std::function<void(Call &)> &change) {
            experts = {0, 5, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
            Call c = good;
            c.batch_pointer = &c.batch;
            change(c);
            return f.run(c);
        };
        CHECK(run([](Call &) {}) == PANGU_OK);
        for (const Spoilt &s : cases) {
            if (!takes(f, s.field)) continue;
            tried++;
            pangu_status status = run(s.change);
            // group_forward calls its one output "output"; a batch's bad row count is "rows".
            bool named = strstr(pangu_last_error(), strcmp(s.field, "outputs") == 0 ? "output" : s.field) || strstr(pangu_last_error(), "rows");
            CHECK(status == s.expected && (status == PANGU_OK || named));
            if (status != s.expected || (status != PANGU_OK && !named))
                printf("  %s, %s: expected %d, got %d '%s'\n", f.name, s.field, s.expected, status, pangu_last_error());
        }
    }
    CHECK(tried > 150);
}

PANGU_TEST(Open_and_probes_should_refuse_misaligned_structures) {
    TestModel m(odd_shape(), PANGU_I8, 52);
    pangu_trunk *trunk = (pangu_trunk *)1;
    pangu_group *group = (pangu_group *)1;
    CHECK(pangu_trunk_open(off(&m.trunk), &trunk) == PANGU_BAD_LAYOUT && trunk == nullptr);
    CHECK(pangu_group_open(off(&m.group), &group) == PANGU_BAD_LAYOUT && group == nullptr);
    pangu_trunk_desc t = m.trunk;
    t.layers = off(t.layers);
    CHECK(pangu_trunk_open(&t, &trunk) == PANGU_BAD_LAYOUT && strstr(pangu_last_error(), "layers"));
    t = m.trunk, t.rope_cos = off(t.rope_cos);
    CHECK(pangu_trunk_open(&t, &trunk) == PANGU_BAD_LAYOUT && strstr(pangu_last_error(), "rope_cos"));
    t = m.trunk, t.rope_sin = off(t.rope_sin);
    CHECK(pangu_trunk_open(&t, &trunk) == PANGU_BAD_LAYOUT && strstr(pangu_last_error(), "rope_sin"));
    pangu_group_desc g = m.group;
    g.experts = off(g.experts);
    CHECK(pangu_group_open(&g, &group) == PANGU_BAD_LAYOUT && strstr(pangu_last_error(), "experts"));
    pangu_probe probes[2];
    std::vector<uint8_t> buffer(8192);
    CHECK(pangu_probe_read(nullptr, buffer.data(), 4096, 1, off(probes)) == PANGU_BAD_LAYOUT);
    CHECK(pangu_probe_int8(nullptr, 1, 1, off(probes)) == PANGU_BAD_LAYOUT);
    CHECK(pangu_probe_fp32(nullptr, 1, 1, off(probes)) == PANGU_BAD_LAYOUT);
    for (int64_t bad : {(int64_t)-1, (int64_t)0, (int64_t)INT64_MIN, (int64_t)INT64_MAX}) {
        CHECK(pangu_probe_int8(nullptr, bad, 1, probes) == PANGU_OUT_OF_RANGE);
        CHECK(pangu_probe_fp32(nullptr, bad, 1, probes) == PANGU_OUT_OF_RANGE);
        if (bad < 4096) CHECK(pangu_probe_read(nullptr, buffer.data(), bad, 1, probes) == PANGU_OUT_OF_RANGE);
    }
    for (int bad : {-1, 0, 257, INT_MIN, INT_MAX}) {
        CHECK(pangu_probe_read(nullptr, buffer.data(), 4096, bad, probes) == PANGU_OUT_OF_RANGE);
        CHECK(pangu_probe_int8(nullptr, 1, bad, probes) == PANGU_OUT_OF_RANGE);
        CHECK(pangu_probe_fp32(nullptr, 1, bad, probes) == PANGU_OUT_OF_RANGE);
    }
    CHECK(pangu_probe_read(nullptr, buffer.data() + 1, 4097, 1, probes) == PANGU_OK);  // bytes: anywhere
}
