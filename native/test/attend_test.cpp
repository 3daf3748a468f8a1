// Attention of one row against a scalar text of NUMERICS.md, section "A decoder layer", step 4.
#include <algorithm>
#include <cmath>
#include <vector>

#include "check.h"
#include "isa_list.h"

using namespace pangu_test;
using pangu::kKvBlock;

namespace {

struct Case {
    int heads_per_kv = 3, kv_heads = 2, dim, padded, type;
    std::vector<float> queries, expected;  // [row][head][dim]
    std::vector<uint8_t> memory;
    uint8_t *cache() { return (uint8_t *)(((uintptr_t)memory.data() + 63) & ~(uintptr_t)63); }
    int64_t block_bytes() const { return kv_heads * pangu::kv_head_bytes(type, padded); }
    std::vector<int32_t> table, positions;
    int width() const { return heads_per_kv * kv_heads * dim; }
    pangu::AttendArgs args(float *output, int first, int rows) {
        return {rows, &positions[(size_t)first], &queries[(size_t)(first * width())], width(), output + first * width(), width(), cache(), block_bytes(),
                table.data(), kv_heads, heads_per_kv, dim, padded, type, 1.0f / std::sqrt((float)dim)};
    }
};

// A kv head's part of the block that holds a position.
uint8_t *head_part(Case &c, int kv_head, int position) {
    return c.cache() + c.table[(size_t)(position / kKvBlock)] * c.block_bytes() + kv_head * pangu::kv_head_bytes(c.type, c.padded);
}

// Element d of a key (plane 0) or value (plane 1). f32 and bf16: [4][padded][16], [64][padded]; int8: [padded / 4][64][4], [16][padded][4].
uint8_t *element(Case &c, int kv_head, int position, int plane, int d) {
    int64_t size = c.type == PANGU_F32 ? 4 : c.type == PANGU_BF16 ? 2 : 1, slot = position % kKvBlock, at;
    if (c.type == PANGU_I8) at = plane == 0 ? d / 4 * 256 + slot * 4 + d % 4 : (slot / 4 * c.padded + d) * 4 + slot % 4;
    else at = plane == 0 ? (slot / 16 * c.padded + d) * 16 + slot % 16 : slot * c.padded + d;
    return head_part(c, kv_head, position) + (plane * kKvBlock * c.padded + at) * size;
}

// Scale of an int8 key or value.
float *scale_of(Case &c, int kv_head, int position, int plane) {
    return (float *)(head_part(c, kv_head, position) + 2 * kKvBlock * c.padded) + plane * kKvBlock + position % kKvBlock;
}

float read(Case &c, int kv_head, int position, int plane, int d) {
    uint8_t *p = element(c, kv_head, position, plane, d);
    if (c.type == PANGU_I8) return (float)(*p - 128);
    uint32_t u = 0;
    memcpy(c.type == PANGU_F32 ? (uint8_t *)&u : (uint8_t *)&u + 2, p, c.type == PANGU_F32 ? 4 : 2);
    float v;
    memcpy(&v, &u, 4);
    return v;
}

float exp_of(float x) {
    float y;
    (*IsaList().begin())->exp_array(&x, 1, &y);
    return y;
}

float tree(float *p) {
    for (int width = 8; width >= 1; width /= 2)
        for (int j = 0; j < width; j++) p[j] = p[j] + p[j + width];
    return p[0];
}

// s[i]: scaled product of query q with the key at start + i.
void score(Case &c, int kv, const float *q, int start, int valid, float *s) {
    float scale = 1.0f / std::sqrt((float)c.dim);
    std::vector<int8_t> quantized((size_t)c.dim);
    float factor = 0;
    if (c.type == PANGU_I8) {
        (*IsaList().begin())->quantize(q, c.dim, c.dim, quantized.data(), &factor);
        factor = factor * scale;
    }
    for (int i = 0; i < valid; i++) {
        float p[16] = {};
        int64_t sum = 0;
        for (int d = 0; d < c.dim; d++) {
            float k = read(c, kv, start + i, 0, d);
            p[d % 16] = std::fma(q[d], k, p[d % 16]);
            sum += quantized[(size_t)d] * (int)k;
        }
        s[i] = c.type == PANGU_I8 ? (float)sum * (factor * *scale_of(c, kv, start + i, 0)) : tree(p) * scale;
    }
}

// o: sum over i of p[i] * the value at start + i.
std::vector<float> weigh(Case &c, int kv, const float *p, int start, int valid) {
    std::vector<float> o((size_t)c.dim);
    if (c.type != PANGU_I8) {
        for (int d = 0; d < c.dim; d++)
            for (int i = 0; i < valid; i++) o[(size_t)d] = std::fma(p[i], read(c, kv, start + i, 1, d), o[(size_t)d]);
        return o;
    }
    float w[kKvBlock], m = 0;
    for (int i = 0; i < valid; i++) m = std::fmax(m, w[i] = p[i] * *scale_of(c, kv, start + i, 1));
    if (m < 0x1p-100f) return o;
    float unit = m / 16383.0f, inverse = 16383.0f / m;
    for (int d = 0; d < c.dim; d++) {
        int64_t sum = 0;
        for (int i = 0; i < valid; i++) sum += (int64_t)std::nearbyint(w[i] * inverse) * (int)read(c, kv, start + i, 1, d);
        o[(size_t)d] = (float)sum * unit;
    }
    return o;
}

void attend_head(Case &c, int row, int head) {
    int kv = head / c.heads_per_kv;
    float top = -INFINITY, sum = 0;
    const float *q = &c.queries[(size_t)(row * c.width() + head * c.dim)];
    std::vector<float> acc((size_t)c.dim);
    for (int start = 0; start <= c.positions[(size_t)row]; start += kKvBlock) {
        int valid = std::min(c.positions[(size_t)row] + 1 - start, kKvBlock);
        float s[kKvBlock], partial[16] = {}, m = top;
        score(c, kv, q, start, valid, s);
        for (int i = 0; i < valid; i++) m = std::fmax(m, s[i]);
        float f = exp_of(top - m);
        for (int i = 0; i < valid; i++) {
            s[i] = exp_of(s[i] - m);
            partial[i % 16] = partial[i % 16] + s[i];
        }
        sum = std::fma(sum, f, tree(partial));
        std::vector<float> o = weigh(c, kv, s, start, valid);
        for (int d = 0; d < c.dim; d++) acc[(size_t)d] = std::fma(acc[(size_t)d], f, o[(size_t)d]);
        top = m;
    }
    for (int d = 0; d < c.dim; d++) c.expected.push_back(acc[(size_t)d] / sum);
}

// Writes a random key or value; f32 and bf16 pad it with zeros, int8 with anything.
void fill(Case &c, int kv_head, int position, int plane, Random &random) {
    if (c.type == PANGU_I8) *scale_of(c, kv_head, position, plane) = 0.02f * std::fabs(random.uniform(1.0f));
    for (int d = 0; d < c.padded; d++) {
        uint32_t u = d < c.dim ? bits(random.uniform(2.0f)) : 0;
        uint8_t *to = element(c, kv_head, position, plane, d);
        if (c.type == PANGU_F32) memcpy(to, &u, 4);
        else if (c.type == PANGU_BF16) memcpy(to, (uint8_t *)&u + 2, 2);
        else *to = (uint8_t)(1 + (u >> 5) % 255);
    }
}

Case make(int dim, int type, int heads_per_kv, const std::vector<int32_t> &positions) {
    Random random((uint64_t)(dim * 1000 + type * 500 + positions.back()));
    Case c;
    c.dim = dim, c.padded = (dim + 15) & ~15, c.type = type, c.heads_per_kv = heads_per_kv, c.positions = positions;
    c.table = {3, 0, 4, 1, 2};
    c.memory.resize((size_t)(5 * c.block_bytes()) + 63);
    // Positions not yet written hold not-a-numbers, in int8 as scales: they must not be touched.
    memset(c.memory.data(), 0xff, c.memory.size());
    for (int h = 0; h < c.kv_heads; h++)
        for (int p = 0; p <= positions.back(); p++)
            for (int plane = 0; plane < 2; plane++) fill(c, h, p, plane, random);
    for (size_t i = 0; i < positions.size() * (size_t)c.width(); i++) c.queries.push_back(random.uniform(2.0f));
    for (int r = 0; r < (int)positions.size(); r++)
        for (int h = 0; h < c.heads_per_kv * c.kv_heads; h++) attend_head(c, r, h);
    return c;
}

std::vector<float> attend(const pangu::Kernels *k, Case &c, int rows_at_once) {
    std::vector<float> output(c.queries.size(), -1.0f), scratch((size_t)(pangu::kAttendRows * c.heads_per_kv * (2 * c.padded + 2)));
    for (int first = 0, rows = (int)c.positions.size(); first < rows; first += rows_at_once)
        for (int h = 0; h < c.kv_heads; h++) k->attend(c.args(output.data(), first, std::min(rows_at_once, rows - first)), h, scratch.data());
    return output;
}

}  // namespace

PANGU_TEST(Attend_should_follow_the_written_order_for_every_head_size_type_and_position) {
    for (int dim : {10, 16, 64, 72, 128, 150})
        for (int type : {PANGU_F32, PANGU_BF16, PANGU_I8})
            for (int position : {0, 1, 15, 63, 64, 130, 319}) {
                Case c = make(dim, type, 3, {position});
                for (const pangu::Kernels *k : IsaList()) CHECK(same_bits(attend(k, c, 1).data(), c.expected.data(), c.expected.size() * 4));
            }
}

PANGU_TEST(Attend_should_give_the_same_bits_for_every_number_of_heads_and_of_rows_at_once) {
    for (int type : {PANGU_BF16, PANGU_I8})
        for (int heads : {1, 2, 3, 4, 5, 6, 7, 13}) {
            Case c = make(48, type, heads, {3, 4, 14, 15, 16, 62, 63, 64, 65, 127, 128, 200});
            for (const pangu::Kernels *k : IsaList())
                for (int rows : {1, 5, 12}) CHECK(same_bits(attend(k, c, rows).data(), c.expected.data(), c.expected.size() * 4));
        }
}

PANGU_TEST(Attend_should_give_zero_when_every_value_is_zero_or_its_weight_too_small) {
    for (float scale : {0.0f, 1e-33f}) {
        Case c = make(64, PANGU_I8, 2, {70});
        for (int p = 0; p <= 70; p++) *scale_of(c, 0, p, 1) = *scale_of(c, 1, p, 1) = scale;
        std::vector<float> zeros(c.expected.size());
        for (const pangu::Kernels *k : IsaList()) CHECK(same_bits(attend(k, c, 1).data(), zeros.data(), zeros.size() * 4));
    }
}

// What a slot of a cache of f32 or bf16 must hold of x.
void check_stored(const pangu::Kernels *k, Case &c, int slot, int plane, const std::vector<float> &x) {
    for (int d = 0; d < c.dim; d++) {
        uint8_t stored[4];
        k->narrow(c.type, &x[(size_t)d], 1, stored);
        CHECK(memcmp(element(c, 1, slot, plane, d), stored, c.type == PANGU_F32 ? 4 : 2) == 0);
    }
}

void check_quantized(const pangu::Kernels *k, Case &c, int slot, int plane, const std::vector<float> &x) {
    std::vector<int8_t> q((size_t)c.dim);
    float scale;
    k->quantize(x.data(), c.dim, c.dim, q.data(), &scale);
    CHECK(*scale_of(c, 1, slot, plane) == scale);
    for (int d = 0; d < c.dim; d++) CHECK(*element(c, 1, slot, plane, d) == q[(size_t)d] + 128);
}

// Puts back what a slot held before: what remains different was not to be written.
void restore(Case &c, Case &before, int slot) {
    size_t size = c.type == PANGU_F32 ? 4 : c.type == PANGU_BF16 ? 2 : 1;
    for (int plane = 0; plane < 2; plane++) {
        for (int d = 0; d < c.dim; d++) memcpy(element(c, 1, slot, plane, d), element(before, 1, slot, plane, d), size);
        if (c.type == PANGU_I8) *scale_of(c, 1, slot, plane) = *scale_of(before, 1, slot, plane);
    }
}

PANGU_TEST(Store_kv_should_write_its_own_slot_and_nothing_else) {
    for (int dim : {10, 64, 72, 150})
        for (int type : {PANGU_F32, PANGU_BF16, PANGU_I8})
            for (int slot : {0, 15, 16, 63})
                for (float size : {2.0f, 0.0f}) {
                    Case c = make(dim, type, 1, {63}), before = make(dim, type, 1, {63});
                    std::vector<float> key, value;
                    Random random(5);
                    for (int d = 0; d < dim; d++) key.push_back(random.uniform(1.0f) * size), value.push_back(random.uniform(1.0f) * size);
                    auto part = [](Case &x) { return std::vector<uint8_t>(x.cache(), x.cache() + 5 * x.block_bytes()); };
                    for (const pangu::Kernels *k : IsaList()) {
                        memcpy(c.cache(), before.cache(), (size_t)(5 * c.block_bytes()));
                        k->store_kv(type, key.data(), value.data(), dim, c.padded, slot, element(c, 1, 0, 0, 0));
                        CHECK(part(c) != part(before));
                        if (type == PANGU_I8) check_quantized(k, c, slot, 0, key), check_quantized(k, c, slot, 1, value);
                        else check_stored(k, c, slot, 0, key), check_stored(k, c, slot, 1, value);
                        restore(c, before, slot);
                        CHECK(part(c) == part(before));
                    }
                }
}
