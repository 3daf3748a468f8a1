#include "operand.h"

#include <cstring>

namespace pangu {

int64_t encoded_bytes(int32_t hidden, bool quantized) { return quantized ? (int64_t)hidden + 4 : (int64_t)hidden * 4; }

// `bytes` rounded up to an odd number of cache lines.
static int64_t odd_lines(int64_t bytes) { return (((bytes + 63) / 64) | 1) * 64; }

bool Operand::allocate(int64_t rows, int32_t inputs, bool quantized) {
    inputs_ = inputs;
    float_stride_ = odd_lines((int64_t)inputs * 4) / 4;
    padded_ = odd_lines(inputs);
    quantized_ = quantized;
    if (!values_.allocate(rows * float_stride_) || !x_.allocate(rows) || !float_x_.allocate(rows)) return false;
    if (quantized && (!quants_.allocate(rows * padded_) || !scales_.allocate(rows) || !sums_.allocate(rows))) return false;
    for (int64_t r = 0; r < rows; r++) float_x_[r] = row(r);
    return true;
}

void Operand::prepare(const Kernels &kernels, int64_t r) {
    if (!quantized_) {
        x_[r] = row(r);
        return;
    }
    int8_t *q = quants_.data() + r * padded_;
    sums_[r] = kernels.quantize(row(r), inputs_, (int)padded_, q, &scales_[r]);
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
    sums_[r] = kernels.sum_int8((const int8_t *)encoded, inputs_);
    if (inputs_ % 4 == 0) return;
    // Kernels read four inputs at a time: such a row needs zeros behind it.
    int8_t *q = quants_.data() + r * padded_;
    memcpy(q, encoded, (size_t)inputs_);
    memset(q + inputs_, 0, (size_t)(padded_ - inputs_));
    x_[r] = q;
}

}  // namespace pangu
