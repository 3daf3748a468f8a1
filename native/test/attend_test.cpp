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
    std::vector<uint8_t> cache;
    std::vector<int32_t> table, positions;
    int width() const { return heads_per_kv * kv_heads * dim; }
    pangu::AttendArgs args(float *output, int first, int rows) const {
        int size = type == PANGU_F32 ? 4 : 2;
        return {rows, &positions[(size_t)first], &queries[(size_t)(first * width())], width(), output + first * width(), width(), cache.data(),
                2LL * kv_heads * kKvBlock * padded * size, table.data(), kv_heads, heads_per_kv, dim, padded, type, 1.0f / std::sqrt((float)dim)};
    }
};

// Element d of a key (plane 0: [4][padded][16]) or value (plane 1: [64][padded]).
uint8_t *element(Case &c, int kv_head, int position, int plane, int d) {
    int64_t size = c.type == PANGU_F32 ? 4 : 2, plane_bytes = kKvBlock * c.padded * size, slot = position % kKvBlock;
    int64_t block = c.table[(size_t)(position / kKvBlock)], at = plane == 0 ? (slot / 16 * c.padded + d) * 16 + slot % 16 : slot * c.padded + d;
    return c.cache.data() + (block * c.kv_heads + kv_head) * 2 * plane_bytes + plane * plane_bytes + at * size;
}

float read(Case &c, int kv_head, int position, int plane, int d) {
    uint8_t *p = element(c, kv_head, position, plane, d);
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

void attend_head(Case &c, int row, int head) {
    int kv = head / c.heads_per_kv;
    float scale = 1.0f / std::sqrt((float)c.dim), top = -INFINITY, sum = 0;
    const float *q = &c.queries[(size_t)(row * c.width() + head * c.dim)];
    std::vector<float> acc((size_t)c.dim);
    for (int start = 0; start <= c.positions[(size_t)row]; start += kKvBlock) {
        int valid = std::min(c.positions[(size_t)row] + 1 - start, kKvBlock);
        float s[kKvBlock], partial[16] = {}, m = top;
        for (int i = 0; i < valid; i++) {
            float p[16] = {};
            for (int d = 0; d < c.dim; d++) p[d % 16] = std::fma(q[d], read(c, kv, start + i, 0, d), p[d % 16]);
            s[i] = tree(p) * scale;
            m = std::fmax(m, s[i]);
        }
        float f = exp_of(top - m);
        for (int i = 0; i < valid; i++) {
            s[i] = exp_of(s[i] - m);
            partial[i % 16] = partial[i % 16] + s[i];
        }
        sum = std::fma(sum, f, tree(partial));
        for (int d = 0; d < c.dim; d++) {
            float o = 0;
            for (int i = 0; i < valid; i++) o = std::fma(s[i], read(c, kv, start + i, 1, d), o);
            acc[(size_t)d] = std::fma(acc[(size_t)d], f, o);
        }
        top = m;
    }
    for (int d = 0; d < c.dim; d++) c.expected.push_back(acc[(size_t)d] / sum);
}

Case make(int dim, int type, int heads_per_kv, const std::vector<int32_t> &positions) {
    Random random((uint64_t)(dim * 1000 + type * 500 + positions.back()));
    Case c;
    c.dim = dim, c.padded = (dim + 15) & ~15, c.type = type, c.heads_per_kv = heads_per_kv, c.positions = positions;
    c.table = {3, 0, 4, 1, 2};
    c.cache.resize((size_t)(5 * 2 * c.kv_heads * kKvBlock * c.padded * (type == PANGU_F32 ? 4 : 2)));
    // Positions not yet written hold not-a-numbers: they must not be touched.
    memset(c.cache.data(), 0xff, c.cache.size());
    for (int h = 0; h < c.kv_heads; h++)
        for (int p = 0; p <= positions.back(); p++)
            for (int plane = 0; plane < 2; plane++)
                for (int d = 0; d < c.padded; d++) {
                    uint32_t u = d < dim ? bits(random.uniform(2.0f)) : 0;
                    if (type == PANGU_F32) memcpy(element(c, h, p, plane, d), &u, 4);
                    else memcpy(element(c, h, p, plane, d), (uint8_t *)&u + 2, 2);
                }
    for (size_t i = 0; i < positions.size() * (size_t)c.width(); i++) c.queries.push_back(random.uniform(2.0f));
    for (int r = 0; r < (int)positions.size(); r++)
        for (int h = 0; h < c.heads_per_kv * c.kv_heads; h++) attend_head(c, r, h);
    return c;
}

std::vector<float> attend(const pangu::Kernels *k, const Case &c, int rows_at_once) {
    std::vector<float> output(c.queries.size(), -1.0f), scratch((size_t)(pangu::kAttendRows * c.heads_per_kv * (2 * c.padded + 2)));
    for (int first = 0, rows = (int)c.positions.size(); first < rows; first += rows_at_once)
        for (int h = 0; h < c.kv_heads; h++) k->attend(c.args(output.data(), first, std::min(rows_at_once, rows - first)), h, scratch.data());
    return output;
}

}  // namespace

PANGU_TEST(Attend_should_follow_the_written_order_for_every_head_size_type_and_position) {
    for (int dim : {10, 16, 64, 72, 128, 150})
        for (int type : {PANGU_F32, PANGU_BF16})
            for (int position : {0, 1, 15, 63, 64, 130, 319}) {
                Case c = make(dim, type, 3, {position});
                for (const pangu::Kernels *k : IsaList()) CHECK(same_bits(attend(k, c, 1).data(), c.expected.data(), c.expected.size() * 4));
            }
}

PANGU_TEST(Attend_should_give_the_same_bits_for_every_number_of_heads_and_of_rows_at_once) {
    for (int heads : {1, 2, 3, 4, 5, 6, 7, 13}) {
        Case c = make(48, PANGU_BF16, heads, {3, 4, 14, 15, 16, 62, 63, 64, 65, 127, 128, 200});
        for (const pangu::Kernels *k : IsaList())
            for (int rows : {1, 5, 12}) CHECK(same_bits(attend(k, c, rows).data(), c.expected.data(), c.expected.size() * 4));
    }
}

PANGU_TEST(Store_kv_should_write_its_own_slot_and_nothing_else) {
    for (int dim : {10, 64, 72, 150})
        for (int type : {PANGU_F32, PANGU_BF16})
            for (int slot : {0, 15, 16, 63}) {
                Case c = make(dim, type, 1, {63}), before = make(dim, type, 1, {63});
                std::vector<float> key, value;
                Random random(5);
                for (int d = 0; d < dim; d++) key.push_back(random.uniform(2.0f)), value.push_back(random.uniform(2.0f));
                for (const pangu::Kernels *k : IsaList()) {
                    c.cache = before.cache;
                    k->store_kv(type, key.data(), value.data(), dim, c.padded, slot, element(c, 1, 0, 0, 0));
                    std::vector<uint8_t> expected = c.cache;
                    for (int d = 0; d < dim; d++)
                        for (int plane = 0; plane < 2; plane++) {
                            const float *from = plane ? &value[(size_t)d] : &key[(size_t)d];
                            uint8_t stored[4];
                            k->narrow(type, from, 1, stored);
                            size_t size = type == PANGU_F32 ? 4 : 2;
                            CHECK(memcmp(element(c, 1, slot, plane, d), stored, size) == 0);
                            // Put back what was there: what remains different was not to be written.
                            memcpy(element(c, 1, slot, plane, d), element(before, 1, slot, plane, d), size);
                        }
                    CHECK(c.cache == before.cache);
                    CHECK(expected != before.cache);
                }
            }
}
