// Rows on their way into a matrix product: f32 rows and, where weights are 8-bit, their quantized form.
#pragma once

#include "kernels/kernels.h"
#include "memory.h"

namespace pangu {

class Operand {
public:
    // Room for `rows` rows of `inputs` values; `quantized`: products take int8.
    bool allocate(int64_t rows, int32_t inputs, bool quantized);

    // f32 row to fill before prepare.
    float *row(int64_t r) const { return values_.data() + r * float_stride_; }
    int64_t stride() const { return float_stride_; }

    // Makes row r ready for a product after its f32 values were written.
    void prepare(const Kernels &kernels, int64_t r);

    // Takes row r from an encoded activation row: f32[inputs], copied, or int8[inputs] and a f32 scale, referenced in place where the
    // kernels can read it there.
    void take_encoded(const Kernels &kernels, int64_t r, const uint8_t *encoded);

    RowSet rows() const { return {x_.data(), scales_.data(), sums_.data()}; }
    // The f32 rows, whatever the products take.
    RowSet float_rows() const { return {float_x_.data(), nullptr, nullptr}; }

private:
    int32_t inputs_ = 0;
    // From one row to the next, in an odd number of cache lines: rows a multiple of 4096 bytes apart (hidden 5120 in f32) all fall into one
    // set of the first-level cache, which then holds fewer of them than a tile reads.
    int64_t float_stride_ = 0;  // floats
    int64_t padded_ = 0;        // bytes of int8
    bool quantized_ = false;
    Buffer<float> values_;
    Buffer<int8_t> quants_;
    Buffer<const void *> x_, float_x_;
    Buffer<float> scales_;
    Buffer<int32_t> sums_;
};

// Bytes of one encoded activation row.
int64_t encoded_bytes(int32_t hidden, bool quantized);

}  // namespace pangu
