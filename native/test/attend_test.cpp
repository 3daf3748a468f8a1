// Attention of one row against a scalar text of NUMERICS.md, section "A decoder layer", step 4.
#include <cmath>
#include <vector>

#include "check.h"
#include "isa_list.h"

using namespace pangu_test;
using pangu::kKvBlock;

namespace {

struct Case {
    int heads_per_kv = 3, kv_heads = 2, dim, padded, type, position;
    std::vector<float> queries, expected;
    std::vector<uint8_t> cache;
    std::vector<int32_t> table;
    pangu::AttendArgs args(float *output) const {
        int size = type == PANGU_F32 ? 4 : 2;
        return {queries.data(), output, cache.data(), 2LL * kv_heads * kKvBlock * padded * size, table.data(), position, kv_heads,
                heads_per_kv, dim, padded, type, 1.0f / std::sqrt((float)dim)};
    }
};

// Element d of a key (plane 0) or value (plane 1).
uint8_t *element(Case &c, int kv_head, int position, int plane, int d) {
    int64_t size = c.type == PANGU_F32 ? 4 : 2, plane_bytes = kKvBlock * c.padded * size;
    int64_t block = c.table[(size_t)(position / kKvBlock)];
    return c.cache.data() + (block * c.kv_heads + kv_head) * 2 * plane_bytes + plane * plane_bytes + ((position % kKvBlock) * c.padded + d) * size;
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

void attend_head(Case &c, int head) {
    int kv = head / c.heads_per_kv;
    float scale = 1.0f / std::sqrt((float)c.dim), top = -INFINITY, sum = 0;
    const float *q = &c.queries[(size_t)(head * c.dim)];
    std::vector<float> acc((size_t)c.dim);
    for (int start = 0; start <= c.position; start += kKvBlock) {
        int valid = c.position + 1 - start < kKvBlock ? c.position + 1 - start : kKvBlock;
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

Case make(int dim, int type, int position) {
    Random random((uint64_t)(dim * 1000 + type * 500 + position));
    Case c;
    c.dim = dim, c.padded = (dim + 15) & ~15, c.type = type, c.position = position;
    c.table = {3, 0, 4, 1, 2};
    c.cache.resize((size_t)(5 * 2 * c.kv_heads * kKvBlock * c.padded * (type == PANGU_F32 ? 4 : 2)));
    // Positions not yet written hold not-a-numbers: they must not be touched.
    memset(c.cache.data(), 0xff, c.cache.size());
    for (int h = 0; h < c.kv_heads; h++)
        for (int p = 0; p <= position; p++)
            for (int plane = 0; plane < 2; plane++)
                for (int d = 0; d < c.padded; d++) {
                    uint32_t u = d < dim ? bits(random.uniform(2.0f)) : 0;
                    if (type == PANGU_F32) memcpy(element(c, h, p, plane, d), &u, 4);
                    else memcpy(element(c, h, p, plane, d), (uint8_t *)&u + 2, 2);
                }
    for (int i = 0; i < c.heads_per_kv * c.kv_heads * dim; i++) c.queries.push_back(random.uniform(2.0f));
    for (int h = 0; h < c.heads_per_kv * c.kv_heads; h++) attend_head(c, h);
    return c;
}

}  // namespace

PANGU_TEST(Attend_should_follow_the_written_order_for_every_head_size_type_and_position) {
    for (int dim : {10, 16, 64, 72, 128, 150})
        for (int type : {PANGU_F32, PANGU_BF16})
            for (int position : {0, 1, 15, 63, 64, 130, 319}) {
                Case c = make(dim, type, position);
                for (const pangu::Kernels *k : IsaList()) {
                    std::vector<float> output(c.queries.size(), -1.0f), scratch((size_t)(c.heads_per_kv * (2 * c.padded + 2) + 64));
                    for (int h = 0; h < c.kv_heads; h++) k->attend(c.args(output.data()), h, scratch.data());
                    CHECK(same_bits(output.data(), c.expected.data(), output.size() * 4));
                }
            }
}
