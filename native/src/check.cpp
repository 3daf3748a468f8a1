#include "trunk.h"

namespace pangu {

pangu_status check_length(const char *name, const void *pointer, int64_t length, int64_t needed) {
    if (pointer == nullptr) return fail(PANGU_NULL_ARGUMENT, "%s is null", name);
    if (length < needed)
        return fail(PANGU_OUT_OF_RANGE, "%s has length %lld; it must be at least %lld", name, (long long)length, (long long)needed);
    return PANGU_OK;
}

pangu_status check_aligned(const char *name, const void *pointer, int64_t alignment) {
    if ((uintptr_t)pointer % (uintptr_t)alignment == 0) return PANGU_OK;
    return fail(PANGU_BAD_LAYOUT, "%s is not aligned to %lld bytes", name, (long long)alignment);
}

pangu_status check_rows(int32_t rows, int32_t max_rows) {
    if (rows >= 1 && rows <= max_rows) return PANGU_OK;
    return fail(PANGU_OUT_OF_RANGE, "rows is %d; it must be 1 to %d", rows, max_rows);
}

pangu_status check_layer(int32_t layer, int32_t layers) {
    if (layer >= 0 && layer < layers) return PANGU_OK;
    return fail(PANGU_OUT_OF_RANGE, "layer is %d; it must be 0 to %d", layer, layers - 1);
}

}  // namespace pangu
