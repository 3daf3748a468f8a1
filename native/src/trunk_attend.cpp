// Embedding and attention of a step's rows.
#include "trunk.h"

using namespace pangu;

namespace {

pangu_status check_batch(const pangu_trunk *t, const pangu_batch *b) {
    if (t == nullptr) return fail(PANGU_NULL_ARGUMENT, "trunk is null");
    if (b == nullptr) return fail(PANGU_NULL_ARGUMENT, "batch is null");
    PANGU_TRY(check_aligned("batch", b, alignof(pangu_batch)));
    return check_rows(b->rows, t->max_rows);
}

// Every position's block must exist. Rows of one sequence are contiguous and ascending, so each table entry is looked at once.
pangu_status check_tables(const pangu_trunk &t, const pangu_batch &b) {
    if (!b.positions || !b.tables || !b.blocks) return fail(PANGU_NULL_ARGUMENT, "positions, tables or blocks is null");
    PANGU_TRY(check_aligned("positions", b.positions, alignof(int32_t)));
    PANGU_TRY(check_aligned("tables", b.tables, alignof(int32_t)));
    PANGU_TRY(check_aligned("blocks", b.blocks, alignof(int32_t)));
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

// RoPE on queries and keys, then keys and values into the cache, for one kv head and its query heads. Neighbouring positions share cache
// lines of keys, so one item takes many rows of one head.
void store_rows(pangu_trunk &t, const pangu_batch &b, uint8_t *cache, int32_t first, int32_t count, int32_t head) {
    const Kernels &k = *t.machine.kernels;
    int32_t dim = t.shape.head_dim, heads = t.shape.heads / t.shape.kv_heads;
    for (int32_t r = first; r < first + count; r++) {
        int32_t position = b.positions[r];
        float *row = t.qkv.data() + (int64_t)r * t.qkv_width(), *key = row + t.query_width() + head * dim;
        const float *cosine = t.cosine.data() + (int64_t)position * (dim / 2), *sine = t.sine.data() + (int64_t)position * (dim / 2);
        k.rope(row + (int64_t)head * heads * dim, heads, dim, cosine, sine);
        k.rope(key, 1, dim, cosine, sine);
        uint8_t *block = cache + b.blocks[b.tables[r] + position / kKvBlock] * t.kv_block_bytes;
        k.store_kv(t.kv_type, key, key + t.kv_width(), dim, t.padded_head, position % kKvBlock,
                   block + head * (t.kv_block_bytes / t.shape.kv_heads));
    }
}

void store_all(pangu_trunk &t, const pangu_batch &b, uint8_t *cache) {
    constexpr int32_t kRows = 64;
    int32_t heads = t.shape.kv_heads, chunks = (b.rows + kRows - 1) / kRows, rows = b.rows < kRows ? b.rows : kRows;
    t.machine.pool.each((int64_t)chunks * heads, (int64_t)rows * t.qkv_width() / heads * 8, [&](int64_t item, int) {
        int32_t first = (int32_t)(item / heads) * kRows, rest = b.rows - first;
        store_rows(t, b, cache, first, rest < kRows ? rest : kRows, (int32_t)(item % heads));
    });
}

// Cuts the rows into runs of one sequence; runs[i] is the first row of run i. Returns their number.
int32_t find_runs(pangu_trunk &t, const pangu_batch &b) {
    int32_t n = 0;
    for (int32_t r = 0; r < b.rows; r++) {
        bool continued = r > 0 && b.tables[r - 1] == b.tables[r] && b.positions[r - 1] <= b.positions[r] && r - t.runs[n - 1] < kAttendRows;
        if (!continued) t.runs[n++] = r;
    }
    t.runs[n] = b.rows;
    return n;
}

void attend_rows(pangu_trunk &t, const pangu_batch &b, const uint8_t *cache) {
    const pangu_shape &s = t.shape;
    float scale = 1.0f / __builtin_sqrtf((float)s.head_dim);
    int64_t cost = 0, items = (int64_t)find_runs(t, b) * s.kv_heads;
    for (int32_t r = 0; r < b.rows; r++) cost += b.positions[r] + 1;
    cost = (cost * s.kv_heads / items + 1) * (t.kv_block_bytes / kKvBlock / s.kv_heads) * (s.heads / s.kv_heads);
    t.machine.pool.each(items, cost, [&](int64_t item, int thread) {
        // The longest first: a prompt's last rows attend to most, and a long item at the end would be waited for.
        int64_t run = (items - 1 - item) / s.kv_heads, r = t.runs[run];
        AttendArgs a;
        a.rows = t.runs[run + 1] - (int32_t)r;
        a.positions = b.positions + r;
        a.queries = t.qkv.data() + r * t.qkv_width();
        a.query_stride = t.qkv_width();
        a.output = t.attended.row(r);
        a.output_stride = t.attended.stride();
        a.cache = cache;
        a.block_bytes = t.kv_block_bytes;
        a.table = b.blocks + b.tables[r];
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
    PANGU_TRY(check_aligned("tokens", batch->tokens, alignof(int32_t)));
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
    store_all(t, *batch, cache);
    attend_rows(t, *batch, cache);
    t.machine.pool.each(rows, t.query_width() * 8LL, [&](int64_t r, int) { t.attended.prepare(k, r); });
    dense(t.machine, l.output, t.attended.rows(), rows, {hidden, hidden_size, true});
    return PANGU_OK;
}
