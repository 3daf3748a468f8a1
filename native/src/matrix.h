// A packed matrix, resolved to pointers into the mapped file and checked against what the model's shape says it must be.
#pragma once

#include "kernels/kernels.h"
#include "status.h"

namespace pangu {

struct FileView {
    const uint8_t *base;
    int64_t bytes;
};

struct Matrix {
    int32_t type, outputs, inputs, paired;
    const uint8_t *weights;
    const float *scales;  // null unless I8
    const float *bias;    // null if none
    int64_t panel_bytes;

    int output_panels() const { return (outputs + kLanes - 1) / kLanes; }
    int lanes(int output_panel) const { return outputs - output_panel * kLanes < kLanes ? outputs - output_panel * kLanes : kLanes; }
    Panel panel(int i) const { return {type, inputs, weights + i * panel_bytes, scales ? scales + (int64_t)i * kLanes : nullptr}; }
};

struct MatrixShape {
    int32_t outputs, inputs;
    bool paired, bias;
    int32_t type;  // -1: any
};

// `name` appears in the sentence of a failure.
pangu_status resolve_file(const void *file, int64_t bytes, FileView *view);
pangu_status resolve_array(const FileView &file, int64_t offset, int64_t bytes, const char *name, const void **array);
pangu_status resolve_matrix(const FileView &file, const pangu_tensor &tensor, const MatrixShape &shape, const char *name, Matrix *matrix);
pangu_status check_shape(const pangu_shape &shape);

}  // namespace pangu
