// The C interface called wrongly: every null, negative and oversize argument gives a status and a sentence, never a crash.
#include <climits>

#include "test_model.h"

using namespace pangu_test;

namespace {

// Checks the status, and that the sentence names the culprit.
void expect(pangu_status status, pangu_status expected, const char *word) {
    CHECK(status == expected);
    CHECK(strstr(pangu_last_error(), word) != nullptr);
    if (status != expected || !strstr(pangu_last_error(), word)) printf("  expected %d '%s', got %d '%s'\n", expected, word, status, pangu_last_error());
}

template <class Change> void expect_open(const TestModel &model, pangu_status expected, const char *word, const Change &change) {
    pangu_trunk_desc d = model.trunk;
    std::vector<pangu_trunk_layer> layers = model.layers;
    d.layers = layers.data();
    change(d, layers);
    pangu_trunk *trunk = (pangu_trunk *)1;
    expect(pangu_trunk_open(&d, &trunk), expected, word);
    CHECK(trunk == nullptr);
}

template <class Change> void expect_group(const TestModel &model, pangu_status expected, const char *word, const Change &change) {
    pangu_group_desc d = model.group;
    std::vector<pangu_expert> experts = model.experts;
    d.experts = experts.data();
    change(d, experts);
    pangu_group *group = (pangu_group *)1;
    expect(pangu_group_open(&d, &group), expected, word);
    CHECK(group == nullptr);
}

using Layers = std::vector<pangu_trunk_layer>;
using Experts = std::vector<pangu_expert>;

}  // namespace

PANGU_TEST(Trunk_open_should_refuse_a_wrong_descriptor) {
    TestModel m(odd_shape(), PANGU_BF16, 41);
    pangu_trunk *trunk;
    expect(pangu_trunk_open(nullptr, &trunk), PANGU_NULL_ARGUMENT, "desc");
    expect(pangu_trunk_open(&m.trunk, nullptr), PANGU_NULL_ARGUMENT, "trunk");
    expect_open(m, PANGU_BAD_LAYOUT, "struct_bytes", [](pangu_trunk_desc &d, Layers &) { d.struct_bytes = 8; });
    for (int bad : {0, -1, INT_MIN, INT_MAX, 257}) expect_open(m, PANGU_OUT_OF_RANGE, "threads", [=](pangu_trunk_desc &d, Layers &) { d.threads = bad; });
    for (int bad : {0, -1, INT_MAX}) {
        expect_open(m, PANGU_OUT_OF_RANGE, "max_rows", [=](pangu_trunk_desc &d, Layers &) { d.max_rows = bad; });
        expect_open(m, PANGU_OUT_OF_RANGE, "kv_blocks", [=](pangu_trunk_desc &d, Layers &) { d.kv_blocks = bad; });
        expect_open(m, PANGU_OUT_OF_RANGE, "max_positions", [=](pangu_trunk_desc &d, Layers &) { d.max_positions = bad; });
        expect_open(m, PANGU_OUT_OF_RANGE, "hidden", [=](pangu_trunk_desc &d, Layers &) { d.shape.hidden = bad; });
        expect_open(m, PANGU_OUT_OF_RANGE, "layers", [=](pangu_trunk_desc &d, Layers &) { d.shape.layers = bad; });
    }
    expect_open(m, PANGU_OUT_OF_RANGE, "kv_type", [](pangu_trunk_desc &d, Layers &) { d.kv_type = PANGU_I4; });
    expect_open(m, PANGU_OUT_OF_RANGE, "group_output_type", [](pangu_trunk_desc &d, Layers &) { d.group_output_type = 9; });
    expect_open(m, PANGU_OUT_OF_RANGE, "embedding_type", [](pangu_trunk_desc &d, Layers &) { d.embedding_type = -1; });
    expect_open(m, PANGU_OUT_OF_RANGE, "rms_epsilon", [](pangu_trunk_desc &d, Layers &) { d.shape.rms_epsilon = -1; });
    expect_open(m, PANGU_BAD_LAYOUT, "kv_heads", [](pangu_trunk_desc &d, Layers &) { d.shape.kv_heads = 4; });
    expect_open(m, PANGU_BAD_LAYOUT, "head_dim", [](pangu_trunk_desc &d, Layers &) { d.shape.head_dim = 11; });
    expect_open(m, PANGU_BAD_LAYOUT, "groups", [](pangu_trunk_desc &d, Layers &) { d.shape.groups = 5; });
    expect_open(m, PANGU_BAD_LAYOUT, "experts_per_token", [](pangu_trunk_desc &d, Layers &) { d.shape.experts_per_token = 3; });
    expect_open(m, PANGU_NULL_ARGUMENT, "file", [](pangu_trunk_desc &d, Layers &) { d.file = nullptr; });
    expect_open(m, PANGU_BAD_LAYOUT, "aligned", [](pangu_trunk_desc &d, Layers &) { d.file = (const uint8_t *)d.file + 4; });
    expect_open(m, PANGU_OUT_OF_RANGE, "file_bytes", [](pangu_trunk_desc &d, Layers &) { d.file_bytes = -1; });
    expect_open(m, PANGU_BAD_LAYOUT, "head", [](pangu_trunk_desc &d, Layers &) { d.file_bytes -= 64; });
    expect_open(m, PANGU_NULL_ARGUMENT, "layers", [](pangu_trunk_desc &d, Layers &) { d.layers = nullptr; });
    expect_open(m, PANGU_NULL_ARGUMENT, "rope", [](pangu_trunk_desc &d, Layers &) { d.rope_sin = nullptr; });
    expect_open(m, PANGU_BAD_LAYOUT, "embedding", [](pangu_trunk_desc &d, Layers &) { d.embedding = INT64_MAX - 63; });
    expect_open(m, PANGU_BAD_LAYOUT, "qkv", [](pangu_trunk_desc &, Layers &l) { l[1].qkv.offset = -64; });
    expect_open(m, PANGU_BAD_LAYOUT, "qkv", [](pangu_trunk_desc &, Layers &l) { l[1].qkv.offset += 4; });
    expect_open(m, PANGU_BAD_LAYOUT, "qkv", [](pangu_trunk_desc &, Layers &l) { l[0].qkv.bias_offset = -1; });
    expect_open(m, PANGU_BAD_LAYOUT, "gate", [](pangu_trunk_desc &, Layers &l) { l[0].gate.type = PANGU_BF16; });
    expect_open(m, PANGU_BAD_LAYOUT, "shared_down", [](pangu_trunk_desc &, Layers &l) { l[1].shared_down.inputs++; });
    expect_open(m, PANGU_BAD_LAYOUT, "output", [](pangu_trunk_desc &, Layers &l) { l[1].output.type = 77; });
    // 2^20 blocks of 2^20 layers: beyond any address space.
    std::vector<pangu_trunk_layer> many(1 << 20, m.layers[0]);
    expect_open(m, PANGU_OUT_OF_MEMORY, "KV blocks", [&](pangu_trunk_desc &d, Layers &) {
        d.kv_blocks = d.shape.layers = 1 << 20;
        d.layers = many.data();
    });
    pangu_trunk_close(nullptr);
    CHECK(pangu_trunk_isa(nullptr) == nullptr);
}

PANGU_TEST(Group_open_should_refuse_a_wrong_descriptor) {
    TestModel m(odd_shape(), PANGU_I8, 42);
    pangu_group *group;
    expect(pangu_group_open(nullptr, &group), PANGU_NULL_ARGUMENT, "desc");
    expect(pangu_group_open(&m.group, nullptr), PANGU_NULL_ARGUMENT, "group");
    expect_group(m, PANGU_BAD_LAYOUT, "struct_bytes", [](pangu_group_desc &d, Experts &) { d.struct_bytes = 0; });
    expect_group(m, PANGU_OUT_OF_RANGE, "threads", [](pangu_group_desc &d, Experts &) { d.threads = -3; });
    expect_group(m, PANGU_OUT_OF_RANGE, "max_rows", [](pangu_group_desc &d, Experts &) { d.max_rows = 1 << 17; });
    expect_group(m, PANGU_NULL_ARGUMENT, "experts", [](pangu_group_desc &d, Experts &) { d.experts = nullptr; });
    expect_group(m, PANGU_BAD_LAYOUT, "gate_up", [](pangu_group_desc &, Experts &e) { e[3].gate_up.scales_offset = -1; });
    expect_group(m, PANGU_BAD_LAYOUT, "down", [](pangu_group_desc &, Experts &e) { e[3].down.type = PANGU_BF16; });
    expect_group(m, PANGU_BAD_LAYOUT, "down", [](pangu_group_desc &d, Experts &) { d.file_bytes = d.file_bytes / 64 * 64 - 64; });
    TestModel four(odd_shape(), PANGU_I4, 45);
    expect_group(four, PANGU_BAD_LAYOUT, "gate_up", [](pangu_group_desc &, Experts &e) { e[3].gate_up.type = PANGU_I8; });
    expect_group(four, PANGU_BAD_LAYOUT, "gate_up", [](pangu_group_desc &, Experts &e) { e[3].gate_up.type = PANGU_I4 + 1; });
    expect_group(four, PANGU_BAD_LAYOUT, "down", [](pangu_group_desc &d, Experts &) { d.file_bytes = d.file_bytes / 64 * 64 - 64; });
    expect_group(m, PANGU_UNSUPPORTED_ISA, "mmx", [](pangu_group_desc &d, Experts &) { d.isa = "mmx"; });
    pangu_group_close(nullptr);
    CHECK(pangu_group_isa(nullptr) == nullptr);
}

PANGU_TEST(Trunk_calls_should_refuse_wrong_arguments) {
    TestModel m(odd_shape(), PANGU_BF16, 43);
    Runner runner(m, nullptr, 1);
    pangu_trunk *t = runner.trunk;
    int32_t tokens[2] = {1, 2}, positions[2] = {0, 1}, tables[2] = {0, 0}, blocks[2] = {3, 4}, logit_rows[2] = {0, 1}, experts[16];
    std::vector<float> h(2 * 72), logits(2 * 75), weights(16), shared(h);
    std::vector<uint8_t> a(2 * 288), out(2 * 288 * 2);
    const pangu_batch good = {2, 2, 2, 0, tokens, positions, tables, blocks, logit_rows};
    auto attend = [&](auto change, pangu_status status, const char *word) {
        pangu_batch b = good;
        change(b);
        expect(pangu_trunk_attend(t, 0, &b, h.data(), 144), status, word);
        positions[0] = 0, positions[1] = 1, tables[0] = tables[1] = 0, blocks[0] = 3, blocks[1] = 4;
    };
    CHECK(pangu_trunk_attend(t, 0, &good, h.data(), 144) == PANGU_OK);
    expect(pangu_trunk_attend(nullptr, 0, &good, h.data(), 144), PANGU_NULL_ARGUMENT, "trunk");
    expect(pangu_trunk_attend(t, 0, nullptr, h.data(), 144), PANGU_NULL_ARGUMENT, "batch");
    expect(pangu_trunk_attend(t, 0, &good, nullptr, 144), PANGU_NULL_ARGUMENT, "hidden");
    for (int64_t bad : {143LL, 0LL, -1LL, (long long)INT64_MIN}) expect(pangu_trunk_attend(t, 0, &good, h.data(), bad), PANGU_OUT_OF_RANGE, "hidden");
    for (int bad : {-1, 2, INT_MAX, INT_MIN}) expect(pangu_trunk_attend(t, bad, &good, h.data(), 144), PANGU_OUT_OF_RANGE, "layer");
    for (int bad : {0, -1, 65, INT_MAX, INT_MIN}) attend([&](pangu_batch &b) { b.rows = bad; }, PANGU_OUT_OF_RANGE, "rows");
    for (int bad : {-1, 256, INT_MAX, INT_MIN}) attend([&](pangu_batch &) { positions[1] = bad; }, PANGU_OUT_OF_RANGE, "positions[1]");
    for (int bad : {-1, 2, INT_MAX, INT_MIN}) attend([&](pangu_batch &) { tables[1] = bad; }, PANGU_OUT_OF_RANGE, "tables[1]");
    for (int bad : {-1, 8, INT_MAX, INT_MIN}) attend([&](pangu_batch &) { blocks[0] = bad; }, PANGU_OUT_OF_RANGE, "blocks[0]");
    attend([&](pangu_batch &) { positions[1] = 128; }, PANGU_OUT_OF_RANGE, "tables[1]");
    attend([&](pangu_batch &) { positions[1] = 64, blocks[1] = 99; }, PANGU_OUT_OF_RANGE, "blocks[1]");
    attend([&](pangu_batch &b) { b.block_entries = 0; }, PANGU_OUT_OF_RANGE, "block_entries");
    attend([&](pangu_batch &b) { b.blocks = nullptr; }, PANGU_NULL_ARGUMENT, "blocks");
    attend([&](pangu_batch &b) { b.positions = nullptr; }, PANGU_NULL_ARGUMENT, "positions");
    attend([&](pangu_batch &b) { b.tables = nullptr; }, PANGU_NULL_ARGUMENT, "tables");

    pangu_batch b = good;
    b.tokens = nullptr;
    expect(pangu_trunk_embed(t, &b, h.data(), 144), PANGU_NULL_ARGUMENT, "tokens");
    for (int bad : {-1, 75, INT_MAX}) {
        tokens[1] = bad;
        expect(pangu_trunk_embed(t, &good, h.data(), 144), PANGU_OUT_OF_RANGE, "tokens[1]");
    }
    expect(pangu_trunk_route(t, 0, 2, h.data(), 144, nullptr, 576, experts, 16, weights.data(), 16), PANGU_NULL_ARGUMENT, "activations");
    expect(pangu_trunk_route(t, 0, 2, h.data(), 144, a.data(), 575, experts, 16, weights.data(), 16), PANGU_OUT_OF_RANGE, "activations");
    expect(pangu_trunk_route(t, 0, 2, h.data(), 144, a.data(), 576, experts, 7, weights.data(), 16), PANGU_OUT_OF_RANGE, "experts");
    expect(pangu_trunk_route(t, 0, 2, h.data(), 144, a.data(), 576, experts, 16, nullptr, 16), PANGU_NULL_ARGUMENT, "weights");
    expect(pangu_trunk_route(nullptr, 0, 2, h.data(), 144, a.data(), 576, experts, 16, nullptr, 16), PANGU_NULL_ARGUMENT, "trunk");
    expect(pangu_trunk_shared(t, 0, -2, a.data(), 576, shared.data(), 144), PANGU_OUT_OF_RANGE, "rows");
    expect(pangu_trunk_shared(t, 0, 2, a.data(), 100, shared.data(), 144), PANGU_OUT_OF_RANGE, "activations");
    expect(pangu_trunk_shared(t, 0, 2, a.data(), 576, nullptr, 144), PANGU_NULL_ARGUMENT, "shared");
    expect(pangu_trunk_combine(t, 2, out.data(), 1151, shared.data(), 144, h.data(), 144), PANGU_OUT_OF_RANGE, "outputs");
    expect(pangu_trunk_combine(t, 2, out.data(), 1152, shared.data(), 143, h.data(), 144), PANGU_OUT_OF_RANGE, "shared");
    expect(pangu_trunk_logits(t, nullptr, h.data(), 144, logits.data(), 150), PANGU_NULL_ARGUMENT, "batch");
    expect(pangu_trunk_logits(t, &good, h.data(), 144, logits.data(), 149), PANGU_OUT_OF_RANGE, "logits");
    logit_rows[1] = 2;
    expect(pangu_trunk_logits(t, &good, h.data(), 144, logits.data(), 150), PANGU_OUT_OF_RANGE, "logit_rows[1]");
    b = good;
    b.logit_count = 3;
    expect(pangu_trunk_logits(t, &b, h.data(), 144, logits.data(), 150), PANGU_OUT_OF_RANGE, "logit_count");
    b.logit_count = 0;
    CHECK(pangu_trunk_logits(t, &b, nullptr, 0, nullptr, 0) == PANGU_OK);
}

PANGU_TEST(Group_forward_should_refuse_wrong_arguments) {
    TestModel m(odd_shape(), PANGU_I8, 44);
    Runner runner(m, nullptr, 1);
    pangu_group *g = runner.group;
    std::vector<uint8_t> a(2 * 76), out(2 * 144);
    int32_t ids[4] = {0, 5, 1, 2};
    float w[4] = {1, 1, 1, 1};
    CHECK(pangu_group_forward(g, 0, 2, a.data(), 152, ids, 4, w, 4, out.data(), 288) == PANGU_OK);
    expect(pangu_group_forward(nullptr, 0, 2, a.data(), 152, ids, 4, w, 4, out.data(), 288), PANGU_NULL_ARGUMENT, "group");
    expect(pangu_group_forward(g, 2, 2, a.data(), 152, ids, 4, w, 4, out.data(), 288), PANGU_OUT_OF_RANGE, "layer");
    expect(pangu_group_forward(g, 0, 65, a.data(), 152, ids, 4, w, 4, out.data(), 288), PANGU_OUT_OF_RANGE, "rows");
    expect(pangu_group_forward(g, 0, 2, nullptr, 152, ids, 4, w, 4, out.data(), 288), PANGU_NULL_ARGUMENT, "activations");
    expect(pangu_group_forward(g, 0, 2, a.data(), 151, ids, 4, w, 4, out.data(), 288), PANGU_OUT_OF_RANGE, "activations");
    expect(pangu_group_forward(g, 0, 2, a.data(), 152, nullptr, 4, w, 4, out.data(), 288), PANGU_NULL_ARGUMENT, "experts");
    expect(pangu_group_forward(g, 0, 2, a.data(), 152, ids, 3, w, 4, out.data(), 288), PANGU_OUT_OF_RANGE, "experts");
    expect(pangu_group_forward(g, 0, 2, a.data(), 152, ids, 4, w, -4, out.data(), 288), PANGU_OUT_OF_RANGE, "weights");
    expect(pangu_group_forward(g, 0, 2, a.data(), 152, ids, 4, w, 4, out.data(), 287), PANGU_OUT_OF_RANGE, "output");
    for (int bad : {-1, 6, INT_MAX, INT_MIN}) {
        ids[1] = bad;
        expect(pangu_group_forward(g, 0, 2, a.data(), 152, ids, 4, w, 4, out.data(), 288), PANGU_OUT_OF_RANGE, "experts[1]");
    }
    ids[1] = 0;  // the same expert twice
    expect(pangu_group_forward(g, 0, 2, a.data(), 152, ids, 4, w, 4, out.data(), 288), PANGU_OUT_OF_RANGE, "experts[1]");
}

PANGU_TEST(Probes_should_measure_and_refuse_wrong_arguments) {
    std::vector<uint8_t> buffer(1 << 20, 1);
    pangu_probe p;
    for (int threads : {1, 3}) {
        CHECK(pangu_probe_read(nullptr, buffer.data(), 1 << 20, threads, &p) == PANGU_OK && p.amount == (1 << 20) && p.seconds > 0);
        CHECK(pangu_probe_int8(nullptr, 1000, threads, &p) == PANGU_OK && p.amount > 1000.0 * threads && p.seconds > 0);
        CHECK(pangu_probe_fp32("portable", 1000, threads, &p) == PANGU_OK && p.amount > 1000.0 * threads && p.seconds > 0);
    }
    expect(pangu_probe_read(nullptr, nullptr, 1 << 20, 1, &p), PANGU_NULL_ARGUMENT, "buffer");
    expect(pangu_probe_read(nullptr, buffer.data(), 100, 1, &p), PANGU_OUT_OF_RANGE, "bytes");
    expect(pangu_probe_read(nullptr, buffer.data(), 1 << 20, 0, &p), PANGU_OUT_OF_RANGE, "threads");
    expect(pangu_probe_read("vax", buffer.data(), 1 << 20, 1, &p), PANGU_UNSUPPORTED_ISA, "vax");
    expect(pangu_probe_int8(nullptr, 0, 1, &p), PANGU_OUT_OF_RANGE, "iterations");
    expect(pangu_probe_fp32(nullptr, -5, 1, &p), PANGU_OUT_OF_RANGE, "iterations");
    expect(pangu_probe_fp32(nullptr, 5, 1, nullptr), PANGU_NULL_ARGUMENT, "result");
    CHECK(pangu_noop(7) == 7);
    CHECK(pangu_abi_version() == PANGU_ABI_VERSION);
}
