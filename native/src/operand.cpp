#include "operand.h"

#include <cstring>

namespace pangu {

int64_t encoded_bytes(int32_t hidden, bool quantized) { return quantized ? (int64_t)hidden + 4 : (int64_t)hidden * 4; }

// `bytes` rounded up to an odd number of cache lines.
static int64_t odd_lines(int64_t bytes) { return (((bytes + 63) / 64) | 1) * 64; }

bool Operand::allocate(int64_t rows, int32_t inputs, int32_t type) {
    inputs_ = inputs;
    float_stride_ = odd_lines((int64_t)inputs * 4) / 4;
    padded_ = correction_offset(inputs);
    quantized_ = takes_int8(type);
    grouped_ = type == PANGU_I4;
    stride_ = odd_lines(grouped_ ? padded_ + weight_groups(inputs) * 4 : padded_);
    if (!values_.allocate(rows * float_stride_) || !x_.allocate(rows) || !float_x_.allocate(rows)) return false;
    if (quantized_ && (!quants_.allocate(rows * stride_) || !scales_.allocate(rows) || !sums_.allocate(rows))) return false;
    for (int64_t r = 0; r < rows; r++) float_x_[r] = row(r);
    return true;
}

void Operand::correct(const Kernels &kernels, int8_t *q) const {
    int32_t *corrections = (int32_t *)(q + padded_);
    for (int32_t at = 0; at < inputs_; at += kWeightGroup)
        *corrections++ = -8 * kernels.sum_int8(q + at, inputs_ - at < kWeightGroup ? inputs_ - at : kWeightGroup);
}

void Operand::prepare(const Kernels &kernels, int64_t r) {
    if (!quantized_) {
        x_[r] = row(r);
        return;
    }
    int8_t *q = quants_.data() + r * stride_;
    sums_[r] = kernels.quantize(row(r), inputs_, (int)padded_, q, &scales_[r]);
    if (grouped_) correct(kernels, q);
    x_[r] = q;
}

void Operand::take_encoded(const Kernels &kernels, int64_t r, const uint8_t *encoded) {
    if (!quantized_) {
        memcpy(row(r), encoded, (size_t)inputs_ * 4);
        x_[r] = row(r);
        return;
    }
    x_[r] = encoded;
    memcpy(&scales_[r], encoded + inputs_, 4);
    if (!grouped_) sums_[r] = kernels.sum_int8((const int8_t *)encoded, inputs_);
    if (!grouped_ && inputs_ % 4 == 0) return;
    // Kernels read several inputs at a time, and for I4 what stands behind a row: such a row is copied and completed.
    int8_t *q = quants_.data() + r * stride_;
    memcpy(q, encoded, (size_t)inputs_);
    memset(q + inputs_, 0, (size_t)(padded_ - inputs_));
    if (grouped_) correct(kernels, q);
    x_[r] = q;
}

}  // namespace pangu
