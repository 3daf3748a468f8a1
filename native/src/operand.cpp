#include "operand.h"

#include <cstring>

namespace pangu {

int64_t encoded_bytes(int32_t hidden, bool quantized) { return quantized ? (int64_t)hidden + 4 : (int64_t)hidden * 4; }

bool Operand::allocate(int64_t rows, int32_t inputs, bool quantized) {
    inputs_ = inputs;
    padded_ = ((int64_t)inputs + 63) & ~63LL;
    quantized_ = quantized;
    if (!values_.allocate(rows * inputs) || !x_.allocate(rows) || !float_x_.allocate(rows)) return false;
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
    x_[r] = encoded;
    if (!quantized_) return;
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
