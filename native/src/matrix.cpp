#include "matrix.h"

namespace pangu {

namespace {

constexpr int32_t kMaxDimension = 1 << 24;
constexpr int32_t kMaxIntInputs = 133000;  // 127 * 127 * K stays below 2^31

int64_t panel_bytes(int32_t type, int64_t inputs) {
    if (type == PANGU_I4) return kLanes * ((inputs + 7) & ~7LL) / 2 + weight_groups((int)inputs) * kGroupScaleBytes;
    if (type == PANGU_I8) return kLanes * ((inputs + 3) & ~3LL);
    return kLanes * inputs * (type == PANGU_F32 ? 4 : 2);
}

pangu_status check_dimension(const char *name, int32_t value) {
    if (value >= 1 && value <= kMaxDimension) return PANGU_OK;
    return fail(PANGU_OUT_OF_RANGE, "%s is %d; it must be 1 to %d", name, value, kMaxDimension);
}

}  // namespace

pangu_status check_shape(const pangu_shape &s) {
    PANGU_TRY(check_dimension("vocab", s.vocab));
    PANGU_TRY(check_dimension("hidden", s.hidden));
    PANGU_TRY(check_dimension("layers", s.layers));
    PANGU_TRY(check_dimension("heads", s.heads));
    PANGU_TRY(check_dimension("kv_heads", s.kv_heads));
    PANGU_TRY(check_dimension("head_dim", s.head_dim));
    PANGU_TRY(check_dimension("experts", s.experts));
    PANGU_TRY(check_dimension("experts_per_token", s.experts_per_token));
    PANGU_TRY(check_dimension("groups", s.groups));
    PANGU_TRY(check_dimension("expert_intermediate", s.expert_intermediate));
    PANGU_TRY(check_dimension("shared_intermediate", s.shared_intermediate));
    if ((int64_t)s.heads * s.head_dim > kMaxDimension) return fail(PANGU_OUT_OF_RANGE, "heads * head_dim exceeds %d", kMaxDimension);
    if (s.heads % s.kv_heads != 0) return fail(PANGU_BAD_LAYOUT, "heads %d is no multiple of kv_heads %d", s.heads, s.kv_heads);
    if (s.head_dim % 2 != 0) return fail(PANGU_BAD_LAYOUT, "head_dim %d is odd", s.head_dim);
    if (s.experts % s.groups != 0) return fail(PANGU_BAD_LAYOUT, "experts %d is no multiple of groups %d", s.experts, s.groups);
    if (s.experts_per_token % s.groups != 0 || s.experts_per_token > s.experts)
        return fail(PANGU_BAD_LAYOUT, "experts_per_token %d is no multiple of groups %d up to experts %d", s.experts_per_token, s.groups, s.experts);
    if (!(s.rms_epsilon >= 0.0f && s.rms_epsilon < 1.0f)) return fail(PANGU_OUT_OF_RANGE, "rms_epsilon must be at least 0 and below 1");
    return PANGU_OK;
}

pangu_status resolve_file(const void *file, int64_t bytes, FileView *view) {
    if (file == nullptr) return fail(PANGU_NULL_ARGUMENT, "file is null");
    if ((uintptr_t)file % 64 != 0) return fail(PANGU_BAD_LAYOUT, "file is not aligned to 64 bytes");
    if (bytes < 1) return fail(PANGU_OUT_OF_RANGE, "file_bytes is %lld; it must be positive", (long long)bytes);
    *view = {(const uint8_t *)file, bytes};
    return PANGU_OK;
}

pangu_status resolve_array(const FileView &file, int64_t offset, int64_t bytes, const char *name, const void **array) {
    if (offset < 0 || offset % 64 != 0 || bytes > file.bytes || offset > file.bytes - bytes)
        return fail(PANGU_BAD_LAYOUT, "%s: offset %lld with %lld bytes is not a 64-byte aligned place in a file of %lld bytes", name,
                    (long long)offset, (long long)bytes, (long long)file.bytes);
    *array = file.base + offset;
    return PANGU_OK;
}

pangu_status resolve_matrix(const FileView &file, const pangu_tensor &t, const MatrixShape &shape, const char *name, Matrix *matrix) {
    if (t.type < PANGU_F32 || t.type > PANGU_I4 || (shape.type >= 0 && t.type != shape.type))
        return fail(PANGU_BAD_LAYOUT, "%s: element type %d is not one this tensor may have", name, t.type);
    if (t.outputs != shape.outputs || t.inputs != shape.inputs || (t.paired != 0) != shape.paired)
        return fail(PANGU_BAD_LAYOUT, "%s: [%d, %d] paired %d, but the shape says [%d, %d] paired %d", name, t.outputs, t.inputs, t.paired,
                    shape.outputs, shape.inputs, (int)shape.paired);
    if (t.type == PANGU_I8 && t.inputs > kMaxIntInputs)
        return fail(PANGU_OUT_OF_RANGE, "%s: %d inputs; exact int32 sums allow %d", name, t.inputs, kMaxIntInputs);
    *matrix = {t.type, t.outputs, t.inputs, t.paired != 0, nullptr, nullptr, nullptr, 0};
    int64_t panels = (int64_t)matrix->output_panels() * (shape.paired ? 2 : 1);
    matrix->panel_bytes = panel_bytes(t.type, t.inputs);
    if (panels > INT64_MAX / 2 / matrix->panel_bytes) return fail(PANGU_OUT_OF_RANGE, "%s: too large", name);
    PANGU_TRY(resolve_array(file, t.offset, panels * matrix->panel_bytes, name, (const void **)&matrix->weights));
    if (t.type == PANGU_I8) PANGU_TRY(resolve_array(file, t.scales_offset, panels * kLanes * 4, name, (const void **)&matrix->scales));
    if (shape.bias) PANGU_TRY(resolve_array(file, t.bias_offset, panels * kLanes * 4, name, (const void **)&matrix->bias));
    return PANGU_OK;
}

}  // namespace pangu
