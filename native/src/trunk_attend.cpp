// Embedding and attention of a step's rows.
#include "trunk.h"

using namespace pangu;

namespace {

pangu_status check_batch(const pangu_trunk *t, const pangu_batch *b) {
    if (t == nullptr) return fail(PANGU_NULL_ARGUMENT, "trunk is null");
    if (b == nullptr) return fail(PANGU_NULL_ARGUMENT, "batch is null");
    return check_rows(b->rows, t->max_rows);
}

// Every position's block must exist. Rows of one sequence are contiguous and ascending, so each table entry is looked at once.
pangu_status check_tables(const pangu_trunk &t, const pangu_batch &b) {
    if (!b.positions || !b.tables || !b.blocks) return fail(PANGU_NULL_ARGUMENT, "positions, tables or blocks is null");
    if (b.block_entries < 1) return fail(PANGU_OUT_OF_RANGE, "block_entries is %d; it must be positive", b.block_entries);
    for (int32_t r = 0; r < b.rows; r++) {
        int32_t position = b.positions[r], table = b.tables[r];
        if (position < 0 || position >= t.max_positions)
            return fail(PANGU_OUT_OF_RANGE, "positions[%d] is %d; it must be 0 to %d", r, position, t.max_positions - 1);
        if (table < 0 || table >= b.block_entries || position / kKvBlock >= b.block_entries - table)
            return fail(PANGU_OUT_OF_RANGE, "tables[%d] is %d: position %d lies outside the %d block entries", r, table, position, b.block_entries);
        bool continued = r > 0 && b.tables[r - 1] == table && b.positions[r - 1] <= position;
        for (int32_t i = continued ? b.positions[r - 1] / kKvBlock : 0; i <= position / kKvBlock; i++)
            if (b.blocks[table + i] < 0 || b.blocks[table + i] >= t.kv_blocks)
                return fail(PANGU_OUT_OF_RANGE, "blocks[%d] is %d; it must be 0 to %d", table + i, b.blocks[table + i], t.kv_blocks - 1);
    }
    return PANGU_OK;
}

// RoPE on queries and keys, then keys and values into the cache.
void store_row(pangu_trunk &t, const pangu_batch &b, uint8_t *cache, int64_t r) {
    const Kernels &k = *t.machine.kernels;
    int32_t dim = t.shape.head_dim, position = b.positions[r], slot = position % kKvBlock;
    float *row = t.qkv.data() + r * t.qkv_width(), *keys = row + t.query_width(), *values = keys + t.kv_width();
    const float *cosine = t.cosine.data() + (int64_t)position * (dim / 2), *sine = t.sine.data() + (int64_t)position * (dim / 2);
    k.rope(row, t.shape.heads, dim, cosine, sine);
    k.rope(keys, t.shape.kv_heads, dim, cosine, sine);
    uint8_t *block = cache + b.blocks[b.tables[r] + position / kKvBlock] * t.kv_block_bytes;
    int64_t row_bytes = t.padded_head * (t.kv_type == PANGU_F32 ? 4 : 2), plane = kKvBlock * row_bytes;
    for (int32_t h = 0; h < t.shape.kv_heads; h++) {
        uint8_t *at = block + 2 * h * plane + slot * row_bytes;
        k.narrow(t.kv_type, keys + h * dim, dim, at);
        k.narrow(t.kv_type, values + h * dim, dim, at + plane);
    }
}

void attend_rows(pangu_trunk &t, const pangu_batch &b, const uint8_t *cache) {
    const pangu_shape &s = t.shape;
    float scale = 1.0f / __builtin_sqrtf((float)s.head_dim);
    int64_t cost = 0;
    for (int32_t r = 0; r < b.rows; r++) cost += b.positions[r] + 1;
    cost = (cost / b.rows + 1) * (t.kv_block_bytes / kKvBlock / s.kv_heads) * (s.heads / s.kv_heads);
    t.machine.pool.each((int64_t)b.rows * s.kv_heads, cost, [&](int64_t item, int thread) {
        int64_t r = item / s.kv_heads;
        AttendArgs a;
        a.queries = t.qkv.data() + r * t.qkv_width();
        a.output = t.attended.row(r);
        a.cache = cache;
        a.block_bytes = t.kv_block_bytes;
        a.table = b.blocks + b.tables[r];
        a.position = b.positions[r];
        a.kv_heads = s.kv_heads;
        a.heads_per_kv = s.heads / s.kv_heads;
        a.dim = s.head_dim;
        a.padded_dim = t.padded_head;
        a.kv_type = t.kv_type;
        a.scale = scale;
        t.machine.kernels->attend(a, (int)(item % s.kv_heads), t.machine.scratch_of(thread));
    });
}

}  // namespace

extern "C" PANGU_API pangu_status pangu_trunk_embed(pangu_trunk *trunk, const pangu_batch *batch, float *hidden, int64_t hidden_length) {
    PANGU_TRY(check_batch(trunk, batch));
    const pangu_shape &s = trunk->shape;
    PANGU_TRY(check_length("hidden", hidden, hidden_length, (int64_t)batch->rows * s.hidden));
    if (!batch->tokens) return fail(PANGU_NULL_ARGUMENT, "tokens is null");
    for (int32_t r = 0; r < batch->rows; r++)
        if (batch->tokens[r] < 0 || batch->tokens[r] >= s.vocab)
            return fail(PANGU_OUT_OF_RANGE, "tokens[%d] is %d; it must be 0 to %d", r, batch->tokens[r], s.vocab - 1);
    int64_t row_bytes = (int64_t)s.hidden * (trunk->embedding_type == PANGU_F32 ? 4 : 2);
    for (int32_t r = 0; r < batch->rows; r++)
        trunk->machine.kernels->widen(trunk->embedding_type, trunk->embedding + batch->tokens[r] * row_bytes, s.hidden,
                                      hidden + (int64_t)r * s.hidden);
    return PANGU_OK;
}

extern "C" PANGU_API pangu_status pangu_trunk_attend(pangu_trunk *trunk, int32_t layer, const pangu_batch *batch, float *hidden,
                                                     int64_t hidden_length) {
    PANGU_TRY(check_batch(trunk, batch));
    pangu_trunk &t = *trunk;
    int32_t hidden_size = t.shape.hidden, rows = batch->rows;
    PANGU_TRY(check_layer(layer, t.shape.layers));
    PANGU_TRY(check_length("hidden", hidden, hidden_length, (int64_t)rows * hidden_size));
    PANGU_TRY(check_tables(t, *batch));
    const TrunkLayer &l = t.layers[layer];
    const Kernels &k = *t.machine.kernels;
    uint8_t *cache = t.layer_cache(layer);
    t.machine.pool.each(rows, hidden_size * 8LL, [&](int64_t r, int) {
        k.rms(hidden + r * hidden_size, l.input_norm, hidden_size, t.shape.rms_epsilon, t.normed.row(r));
        t.normed.prepare(k, r);
    });
    dense(t.machine, l.qkv, t.normed.rows(), rows, {t.qkv.data(), t.qkv_width(), false});
    t.machine.pool.each(rows, t.qkv_width() * 8LL, [&](int64_t r, int) { store_row(t, *batch, cache, r); });
    attend_rows(t, *batch, cache);
    t.machine.pool.each(rows, t.query_width() * 8LL, [&](int64_t r, int) { t.attended.prepare(k, r); });
    dense(t.machine, l.output, t.attended.rows(), rows, {hidden, hidden_size, true});
    return PANGU_OK;
}
