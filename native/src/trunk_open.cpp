// Opening a trunk: checks the descriptor against the shape and the file, then allocates everything the handle will ever need.
#include <cstring>
#include <new>

#include "trunk.h"

using namespace pangu;

namespace {

pangu_status check_range(const char *name, int32_t value, int32_t limit) {
    if (value >= 1 && value <= limit) return PANGU_OK;
    return fail(PANGU_OUT_OF_RANGE, "%s is %d; it must be 1 to %d", name, value, limit);
}

pangu_status check_type(const char *name, int32_t type, bool allow_f16) {
    if (type == PANGU_F32 || type == PANGU_BF16 || (allow_f16 && type == PANGU_F16)) return PANGU_OK;
    return fail(PANGU_OUT_OF_RANGE, "%s is %d; it must be F32%s or BF16", name, type, allow_f16 ? ", F16" : "");
}

pangu_status check_description(const pangu_trunk_desc &d) {
    PANGU_TRY(check_shape(d.shape));
    PANGU_TRY(check_range("threads", d.threads, kMaxThreads));
    PANGU_TRY(check_range("max_rows", d.max_rows, 1 << 16));
    PANGU_TRY(check_range("kv_blocks", d.kv_blocks, 1 << 20));
    PANGU_TRY(check_range("max_positions", d.max_positions, 1 << 24));
    if (d.kv_type != PANGU_I8 && check_type("kv_type", d.kv_type, false) != PANGU_OK)
        return fail(PANGU_OUT_OF_RANGE, "kv_type is %d; it must be F32, BF16 or I8", d.kv_type);
    PANGU_TRY(check_type("group_output_type", d.group_output_type, false));
    PANGU_TRY(check_type("embedding_type", d.embedding_type, true));
    if (d.layers == nullptr) return fail(PANGU_NULL_ARGUMENT, "layers is null");
    if (d.rope_cos == nullptr || d.rope_sin == nullptr) return fail(PANGU_NULL_ARGUMENT, "rope_cos or rope_sin is null");
    PANGU_TRY(check_aligned("layers", d.layers, alignof(pangu_trunk_layer)));
    PANGU_TRY(check_aligned("rope_cos", d.rope_cos, alignof(float)));
    PANGU_TRY(check_aligned("rope_sin", d.rope_sin, alignof(float)));
    return PANGU_OK;
}

pangu_status resolve_layer(const pangu_trunk &t, const FileView &file, const pangu_trunk_layer &from, TrunkLayer *to) {
    const pangu_shape &s = t.shape;
    int32_t type = t.head.type;
    PANGU_TRY(resolve_array(file, from.input_norm, s.hidden * 4LL, "input_norm", (const void **)&to->input_norm));
    PANGU_TRY(resolve_array(file, from.post_norm, s.hidden * 4LL, "post_norm", (const void **)&to->post_norm));
    PANGU_TRY(resolve_array(file, from.router_scale, s.experts * 4LL, "router_scale", (const void **)&to->router_scale));
    PANGU_TRY(resolve_matrix(file, from.qkv, {t.qkv_width(), s.hidden, false, true, type}, "qkv", &to->qkv));
    PANGU_TRY(resolve_matrix(file, from.output, {s.hidden, t.query_width(), false, true, type}, "output", &to->output));
    PANGU_TRY(resolve_matrix(file, from.gate, {s.experts, s.hidden, false, false, PANGU_F32}, "gate", &to->gate));
    PANGU_TRY(resolve_matrix(file, from.shared_gate_up, {s.shared_intermediate, s.hidden, true, false, type}, "shared_gate_up",
                             &to->shared_gate_up));
    return resolve_matrix(file, from.shared_down, {s.hidden, s.shared_intermediate, false, false, type}, "shared_down", &to->shared_down);
}

pangu_status resolve_weights(pangu_trunk &t, const pangu_trunk_desc &d) {
    const pangu_shape &s = t.shape;
    FileView file;
    PANGU_TRY(resolve_file(d.file, d.file_bytes, &file));
    int64_t embedding_bytes = (int64_t)s.vocab * s.hidden * (d.embedding_type == PANGU_F32 ? 4 : 2);
    PANGU_TRY(resolve_array(file, d.embedding, embedding_bytes, "embedding", (const void **)&t.embedding));
    PANGU_TRY(resolve_array(file, d.final_norm, s.hidden * 4LL, "final_norm", (const void **)&t.final_norm));
    PANGU_TRY(resolve_matrix(file, d.head, {s.vocab, s.hidden, false, false, -1}, "head", &t.head));
    t.quantized = takes_int8(t.head.type);
    if (!t.layers.allocate(s.layers)) return fail(PANGU_OUT_OF_MEMORY, "no memory for %d layers", s.layers);
    for (int32_t l = 0; l < s.layers; l++) {
        pangu_status status = resolve_layer(t, file, d.layers[l], &t.layers[l]);
        if (status != PANGU_OK) return status;
    }
    return PANGU_OK;
}

pangu_status allocate_workspace(pangu_trunk &t, const pangu_trunk_desc &d) {
    const pangu_shape &s = t.shape;
    int64_t rows = t.max_rows;
    bool ok = t.normed.allocate(rows, s.hidden, t.head.type) && t.attended.allocate(rows, t.query_width(), t.head.type) &&
              t.intermediate.allocate(rows, s.shared_intermediate, t.head.type) && t.qkv.allocate(rows * t.qkv_width()) &&
              t.gate.allocate(rows * s.experts) && t.runs.allocate(rows + 1);
    if (!ok) return fail(PANGU_OUT_OF_MEMORY, "no memory for the workspace of %d rows", t.max_rows);
    int64_t table = (int64_t)t.max_positions * (s.head_dim / 2);
    if (!t.cosine.allocate(table) || !t.sine.allocate(table))
        return fail(PANGU_OUT_OF_MEMORY, "no memory for RoPE tables of %d positions", t.max_positions);
    memcpy(t.cosine.data(), d.rope_cos, (size_t)table * 4);
    memcpy(t.sine.data(), d.rope_sin, (size_t)table * 4);
    t.padded_head = (s.head_dim + 15) & ~15;
    t.kv_block_bytes = s.kv_heads * kv_head_bytes(t.kv_type, t.padded_head);
    if (t.kv_block_bytes > INT64_MAX / 4 / s.layers / t.kv_blocks || !t.cache.allocate(t.kv_block_bytes * s.layers * t.kv_blocks))
        return fail(PANGU_OUT_OF_MEMORY, "no memory for %d KV blocks of %lld bytes", t.kv_blocks, (long long)(t.kv_block_bytes * s.layers));
    return PANGU_OK;
}

int64_t scratch_floats(const pangu_shape &s) {
    int64_t heads = s.heads / s.kv_heads, width = (s.head_dim + 15) & ~15;
    int64_t attention = kAttendRows * heads * (2 * width + 2);
    int64_t routing = (s.experts + 15) & ~15;
    return attention > routing ? attention : routing;
}

pangu_status open_trunk(pangu_trunk &t, const pangu_trunk_desc &d) {
    PANGU_TRY(check_description(d));
    t.shape = d.shape;
    t.max_rows = d.max_rows;
    t.kv_blocks = d.kv_blocks;
    t.max_positions = d.max_positions;
    t.kv_type = d.kv_type;
    t.group_output_type = d.group_output_type;
    t.embedding_type = d.embedding_type;
    PANGU_TRY(resolve_weights(t, d));
    PANGU_TRY(allocate_workspace(t, d));
    return t.machine.open(d.isa, d.threads, scratch_floats(d.shape));
}

}  // namespace

extern "C" PANGU_API pangu_status pangu_trunk_open(const pangu_trunk_desc *desc, pangu_trunk **trunk) {
    if (trunk == nullptr) return fail(PANGU_NULL_ARGUMENT, "trunk is null");
    *trunk = nullptr;
    if (desc == nullptr) return fail(PANGU_NULL_ARGUMENT, "desc is null");
    PANGU_TRY(check_aligned("desc", desc, alignof(pangu_trunk_desc)));
    if (desc->struct_bytes != sizeof *desc)
        return fail(PANGU_BAD_LAYOUT, "struct_bytes is %u; this library's pangu_trunk_desc has %zu", desc->struct_bytes, sizeof *desc);
    void *pages = map_pages(sizeof(pangu_trunk));
    if (!pages) return fail(PANGU_OUT_OF_MEMORY, "no memory for a trunk handle");
    pangu_trunk *t = new (pages) pangu_trunk();
    pangu_status status = open_trunk(*t, *desc);
    if (status != PANGU_OK) {
        pangu_trunk_close(t);
        return status;
    }
    *trunk = t;
    return PANGU_OK;
}

extern "C" PANGU_API void pangu_trunk_close(pangu_trunk *trunk) {
    if (!trunk) return;
    trunk->~pangu_trunk();
    unmap_pages(trunk, sizeof(pangu_trunk));
}

extern "C" PANGU_API const char *pangu_trunk_isa(const pangu_trunk *trunk) { return trunk ? trunk->machine.kernels->name : nullptr; }
