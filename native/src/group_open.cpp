// Opening an expert group.
#include <new>

#include "group.h"
#include "trunk.h"

using namespace pangu;

namespace {

pangu_status check_description(const pangu_group_desc &d) {
    PANGU_TRY(check_shape(d.shape));
    if (d.threads < 1 || d.threads > kMaxThreads) return fail(PANGU_OUT_OF_RANGE, "threads is %d; it must be 1 to %d", d.threads, kMaxThreads);
    if (d.max_rows < 1 || d.max_rows > 1 << 16) return fail(PANGU_OUT_OF_RANGE, "max_rows is %d; it must be 1 to %d", d.max_rows, 1 << 16);
    if (d.group_output_type != PANGU_F32 && d.group_output_type != PANGU_BF16)
        return fail(PANGU_OUT_OF_RANGE, "group_output_type is %d; it must be F32 or BF16", d.group_output_type);
    if (d.experts == nullptr) return fail(PANGU_NULL_ARGUMENT, "experts is null");
    PANGU_TRY(check_aligned("experts", d.experts, alignof(pangu_expert)));
    return PANGU_OK;
}

pangu_status open_group(pangu_group &g, const pangu_group_desc &d) {
    PANGU_TRY(check_description(d));
    const pangu_shape &s = g.shape = d.shape;
    g.max_rows = d.max_rows;
    g.group_output_type = d.group_output_type;
    FileView file;
    PANGU_TRY(resolve_file(d.file, d.file_bytes, &file));
    int64_t count = (int64_t)s.layers * g.per_group();
    if (!g.experts.allocate(count)) return fail(PANGU_OUT_OF_MEMORY, "no memory for %lld experts", (long long)count);
    for (int64_t i = 0; i < count; i++) {
        int32_t type = i == 0 ? -1 : g.experts[0].gate_up.type;
        PANGU_TRY(resolve_matrix(file, d.experts[i].gate_up, {s.expert_intermediate, s.hidden, true, false, type}, "gate_up", &g.experts[i].gate_up));
        PANGU_TRY(resolve_matrix(file, d.experts[i].down, {s.hidden, s.expert_intermediate, false, false, g.experts[0].gate_up.type}, "down",
                                 &g.experts[i].down));
    }
    const int32_t type = g.experts[0].gate_up.type;
    g.quantized = takes_int8(type);
    int64_t entries = (int64_t)g.max_rows * g.chosen();
    if (entries > INT32_MAX) return fail(PANGU_OUT_OF_RANGE, "max_rows * experts per group exceeds %d", INT32_MAX);
    bool ok = g.items.allocate(g.per_group() + 1) && g.index.allocate(entries, g.per_group(), g.quantized) &&
              g.inputs.allocate(g.max_rows, s.hidden, type) && g.intermediate.allocate(entries, s.expert_intermediate, type) &&
              (g.chosen() == 1 || g.sum.allocate((int64_t)g.max_rows * s.hidden));
    if (!ok) return fail(PANGU_OUT_OF_MEMORY, "no memory for the workspace of %d rows", g.max_rows);
    return g.machine.open(d.isa, d.threads, 16);
}

}  // namespace

extern "C" PANGU_API pangu_status pangu_group_open(const pangu_group_desc *desc, pangu_group **group) {
    if (group == nullptr) return fail(PANGU_NULL_ARGUMENT, "group is null");
    *group = nullptr;
    if (desc == nullptr) return fail(PANGU_NULL_ARGUMENT, "desc is null");
    PANGU_TRY(check_aligned("desc", desc, alignof(pangu_group_desc)));
    if (desc->struct_bytes != sizeof *desc)
        return fail(PANGU_BAD_LAYOUT, "struct_bytes is %u; this library's pangu_group_desc has %zu", desc->struct_bytes, sizeof *desc);
    void *pages = map_pages(sizeof(pangu_group));
    if (!pages) return fail(PANGU_OUT_OF_MEMORY, "no memory for a group handle");
    pangu_group *g = new (pages) pangu_group();
    pangu_status status = open_group(*g, *desc);
    if (status != PANGU_OK) {
        pangu_group_close(g);
        return status;
    }
    *group = g;
    return PANGU_OK;
}

extern "C" PANGU_API void pangu_group_close(pangu_group *group) {
    if (!group) return;
    group->~pangu_group();
    unmap_pages(group, sizeof(pangu_group));
}

extern "C" PANGU_API const char *pangu_group_isa(const pangu_group *group) { return group ? group->machine.kernels->name : nullptr; }
