#include "test_model.h"

#include <cmath>

namespace pangu_test {

pangu_shape odd_shape() { return {75, 72, 2, 6, 2, 12, 12, 4, 2, 30, 70, 1e-5f}; }

namespace {
uint8_t *align64(std::vector<uint8_t> &memory) { return memory.data() + (-(uintptr_t)memory.data() & 63); }
int64_t panels_of(const pangu_tensor &t) { return ((t.outputs + 63) / 64) * (t.paired ? 2 : 1); }
int64_t padded_of(const pangu_tensor &t) { return t.type == PANGU_I8 ? (t.inputs + 3) & ~3 : t.inputs; }
int size_of(int32_t type) { return type == PANGU_F32 ? 4 : type == PANGU_I8 ? 1 : 2; }

// I4: for every group of 128 inputs 64 scales, then nibbles of inputs rounded up to 8.
int64_t bytes_of(const pangu_tensor &t) {
    if (t.type == PANGU_I4) return panels_of(t) * (((t.inputs + 7) & ~7) * 32 + (t.inputs + 127) / 128 * 128);
    return panels_of(t) * 64 * padded_of(t) * size_of(t.type);
}

void fill_groups(uint8_t *to, const pangu_tensor &t, float bound, Random &random) {
    for (int64_t panel = 0; panel < panels_of(t); panel++)
        for (int first = 0; first < t.inputs; first += 128) {
            for (int lane = 0; lane < 64; lane++, to += 2) {
                float scale = bound / 7 * (1 + random.uniform(0.2f));
                memcpy(to, (const uint8_t *)&scale + 2, 2);
            }
            int padded = ((t.inputs - first < 128 ? t.inputs - first : 128) + 7) & ~7;
            for (int i = 0; i < padded * 32; i++) *to++ = (uint8_t)((1 + random.below(15)) | (1 + random.below(15)) << 4);
        }
}
}  // namespace

TestModel::TestModel(const pangu_shape &s, int32_t weight_type, uint64_t seed) : shape(s), type(weight_type) {
    lay_out();
    trunk_memory.assign((size_t)trunk_bytes + 64, 0);
    group_memory.assign((size_t)group_bytes + 64, 0);
    fill_all(seed);
    const int positions = 256, half = s.head_dim / 2;
    for (int p = 0; p < positions; p++)
        for (int j = 0; j < half; j++) {
            double angle = p * std::pow(10000.0, -2.0 * j / s.head_dim);
            cosine.push_back((float)std::cos(angle));
            sine.push_back((float)std::sin(angle));
        }
    int32_t state = weight_type >= PANGU_I8 ? PANGU_BF16 : PANGU_F32;
    trunk.struct_bytes = sizeof trunk;
    trunk.threads = 1, trunk.max_rows = 64, trunk.kv_blocks = 8, trunk.max_positions = positions;
    trunk.kv_type = trunk.group_output_type = state;
    trunk.embedding_type = PANGU_BF16;
    trunk.shape = shape;
    trunk.file = align64(trunk_memory), trunk.file_bytes = trunk_bytes;
    trunk.layers = layers.data();
    trunk.rope_cos = cosine.data(), trunk.rope_sin = sine.data();
    group.struct_bytes = sizeof group;
    group.threads = 1, group.max_rows = 64, group.group_output_type = state;
    group.shape = shape;
    group.file = align64(group_memory), group.file_bytes = group_bytes;
    group.experts = experts.data();
}

int64_t TestModel::take(int64_t &length, int64_t bytes) {
    int64_t at = length;
    length = (at + bytes + 63) / 64 * 64;
    return at;
}

pangu_tensor TestModel::tensor(int64_t &length, int32_t element, int outputs, int inputs, bool paired, bool bias) {
    pangu_tensor t = {element, outputs, inputs, paired, 0, -1, -1};
    t.offset = take(length, bytes_of(t));
    if (element == PANGU_I8) t.scales_offset = take(length, panels_of(t) * 256);
    if (bias) t.bias_offset = take(length, panels_of(t) * 256);
    return t;
}

void TestModel::lay_out() {
    int h = shape.hidden, width = shape.heads * shape.head_dim, kv = shape.kv_heads * shape.head_dim;
    trunk.embedding = take(trunk_bytes, (int64_t)shape.vocab * h * 2);
    for (int l = 0; l < shape.layers; l++) {
        pangu_trunk_layer x;
        x.input_norm = take(trunk_bytes, h * 4);
        x.qkv = tensor(trunk_bytes, type, width + 2 * kv, h, false, true);
        x.output = tensor(trunk_bytes, type, h, width, false, true);
        x.post_norm = take(trunk_bytes, h * 4);
        x.gate = tensor(trunk_bytes, PANGU_F32, shape.experts, h, false, false);
        x.router_scale = take(trunk_bytes, shape.experts * 4);
        x.shared_gate_up = tensor(trunk_bytes, type, shape.shared_intermediate, h, true, false);
        x.shared_down = tensor(trunk_bytes, type, h, shape.shared_intermediate, false, false);
        layers.push_back(x);
        for (int e = 0; e < shape.experts / shape.groups; e++)
            experts.push_back({tensor(group_bytes, type, shape.expert_intermediate, h, true, false),
                               tensor(group_bytes, type, h, shape.expert_intermediate, false, false)});
    }
    trunk.final_norm = take(trunk_bytes, h * 4);
    trunk.head = tensor(trunk_bytes, type, shape.vocab, h, false, false);
}

void TestModel::fill(uint8_t *file, const pangu_tensor &t, Random &random) {
    int64_t lanes = panels_of(t) * 64, count = lanes * padded_of(t);
    float bound = 1.7f / std::sqrt((float)t.inputs);
    if (t.type == PANGU_I4) fill_groups(file + t.offset, t, bound, random);
    for (int64_t i = 0; i < count && t.type != PANGU_I4; i++) {
        float v = random.uniform(bound);
        uint16_t half = (uint16_t)(bits(v) >> 16);
        if (t.type == PANGU_F16) half = (uint16_t)((random.next() & 0x83ff) | ((uint64_t)random.below(12) << 10));
        if (t.type == PANGU_F32) memcpy(file + t.offset + i * 4, &v, 4);
        else if (t.type == PANGU_I8) file[t.offset + i] = (uint8_t)(1 + random.below(255));
        else memcpy(file + t.offset + i * 2, &half, 2);
    }
    // Inputs beyond the last one are zero weights.
    if (t.type == PANGU_I8 && t.inputs % 4 != 0)
        for (int64_t panel = 0; panel < panels_of(t); panel++)
            for (int64_t k = t.inputs; k < padded_of(t); k++)
                for (int lane = 0; lane < 64; lane++) file[t.offset + panel * 64 * padded_of(t) + (k / 4) * 256 + lane * 4 + k % 4] = 128;
    float scale = bound / 127;
    if (t.type == PANGU_I8)
        for (int64_t i = 0; i < lanes; i++) memcpy(file + t.scales_offset + i * 4, &scale, 4);
    if (t.bias_offset >= 0)
        for (int64_t i = 0; i < lanes; i++) {
            float v = random.uniform(0.05f);
            memcpy(file + t.bias_offset + i * 4, &v, 4);
        }
}

void TestModel::fill_all(uint64_t seed) {
    Random random(seed);
    uint8_t *file = align64(trunk_memory);
    auto vector = [&](int64_t offset, int n, float centre) {
        for (int i = 0; i < n; i++) {
            float v = centre + random.uniform(0.1f);
            memcpy(file + offset + i * 4, &v, 4);
        }
    };
    for (int64_t i = 0; i < (int64_t)shape.vocab * shape.hidden; i++) {
        uint16_t half = (uint16_t)(bits(random.uniform(1.7f)) >> 16);
        memcpy(file + trunk.embedding + i * 2, &half, 2);
    }
    for (const pangu_trunk_layer &l : layers) {
        vector(l.input_norm, shape.hidden, 1);
        vector(l.post_norm, shape.hidden, 1);
        vector(l.router_scale, shape.experts, 2);
        for (const pangu_tensor &t : {l.qkv, l.output, l.gate, l.shared_gate_up, l.shared_down}) fill(file, t, random);
    }
    vector(trunk.final_norm, shape.hidden, 1);
    fill(file, trunk.head, random);
    for (const pangu_expert &e : experts) {
        fill(align64(group_memory), e.gate_up, random);
        fill(align64(group_memory), e.down, random);
    }
}

Runner::Runner(const TestModel &m, const char *isa, int threads) : model(m) {
    pangu_trunk_desc t = m.trunk;
    t.isa = isa, t.threads = threads;
    pangu_group_desc g = m.group;
    g.isa = isa, g.threads = threads;
    CHECK(pangu_trunk_open(&t, &trunk) == PANGU_OK);
    CHECK(pangu_group_open(&g, &group) == PANGU_OK);
}

Runner::~Runner() {
    pangu_trunk_close(trunk);
    pangu_group_close(group);
}

std::vector<float> Runner::step(const std::vector<int32_t> &tokens, int first) {
    const pangu_shape &s = model.shape;
    int32_t rows = (int32_t)tokens.size(), picks = rows * s.experts_per_token;
    // Blocks of a scattered order, as in a cache that has been in use.
    std::vector<int32_t> positions, tables((size_t)rows, 1), blocks = {-1, 5, 2, 7, 0}, logit_rows;
    for (int32_t r = 0; r < rows; r++) positions.push_back(first + r), logit_rows.push_back(r);
    pangu_batch b = {rows, 5, rows, 0, tokens.data(), positions.data(), tables.data(), blocks.data(), logit_rows.data()};
    std::vector<float> hidden((size_t)rows * s.hidden), shared(hidden.size()), weights((size_t)picks), logits((size_t)rows * s.vocab);
    std::vector<uint8_t> activations((size_t)(rows * model.row_bytes())), outputs((size_t)(rows * model.output_bytes() * s.groups));
    std::vector<int32_t> experts((size_t)picks);
    int64_t n = (int64_t)hidden.size(), slice = rows * model.output_bytes();
    CHECK(pangu_trunk_embed(trunk, &b, hidden.data(), n) == PANGU_OK);
    for (int l = 0; l < s.layers; l++) {
        CHECK(pangu_trunk_attend(trunk, l, &b, hidden.data(), n) == PANGU_OK);
        CHECK(pangu_trunk_route(trunk, l, rows, hidden.data(), n, activations.data(), (int64_t)activations.size(), experts.data(), picks,
                                weights.data(), picks) == PANGU_OK);
        // One set of weights stands in for every group.
        for (int g = 0; g < s.groups; g++)
            CHECK(pangu_group_forward(group, l, rows, activations.data(), (int64_t)activations.size(), &experts[(size_t)(g * rows * model.chosen())],
                                      rows * model.chosen(), &weights[(size_t)(g * rows * model.chosen())], rows * model.chosen(),
                                      &outputs[(size_t)(g * slice)], slice) == PANGU_OK);
        CHECK(pangu_trunk_shared(trunk, l, rows, activations.data(), (int64_t)activations.size(), shared.data(), n) == PANGU_OK);
        CHECK(pangu_trunk_combine(trunk, rows, outputs.data(), (int64_t)outputs.size(), shared.data(), n, hidden.data(), n) == PANGU_OK);
    }
    CHECK(pangu_trunk_logits(trunk, &b, hidden.data(), n, logits.data(), (int64_t)logits.size()) == PANGU_OK);
    return logits;
}

}  // namespace pangu_test
