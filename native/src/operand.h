// Rows on their way into a matrix product: f32 rows and, where weights are integers, their quantized form.
#pragma once

#include "../include/pangu.h"
#include "kernels/kernels.h"
#include "memory.h"

namespace pangu {

class Operand {
public:
    // Room for `rows` rows of `inputs` values that meet weights of `type`.
    bool allocate(int64_t rows, int32_t inputs, int32_t type);

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
    void correct(const Kernels &kernels, int8_t *q) const;

    int32_t inputs_ = 0;
    // From one row to the next, in an odd number of cache lines: rows a multiple of 4096 bytes apart (hidden 5120 in f32) all fall into one
    // set of the first-level cache, which then holds fewer of them than a tile reads.
    int64_t float_stride_ = 0;  // floats
    int64_t stride_ = 0;        // bytes of int8; I4 keeps corrections behind each row
    int64_t padded_ = 0;        // bytes of an int8 row, a multiple of 64
    bool quantized_ = false, grouped_ = false;
    Buffer<float> values_;
    Buffer<int8_t> quants_;
    Buffer<const void *> x_, float_x_;
    Buffer<float> scales_;
    Buffer<int32_t> sums_;
};

// Whether rows that meet weights of this type are int8.
constexpr bool takes_int8(int32_t type) { return type == PANGU_I8 || type == PANGU_I4; }

// Bytes of one encoded activation row.
int64_t encoded_bytes(int32_t hidden, bool quantized);

}  // namespace pangu
