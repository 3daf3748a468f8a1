// A small random model in memory, in the packed layout, and everything needed to run a step over it.
#pragma once

#include <cstdlib>
#include <vector>

#include "../include/pangu.h"
#include "check.h"

namespace pangu_test {

struct TestModel {
    pangu_shape shape;
    int32_t type;
    std::vector<uint8_t> trunk_memory, group_memory;
    int64_t trunk_bytes = 0, group_bytes = 0;
    std::vector<pangu_trunk_layer> layers;
    std::vector<pangu_expert> experts;
    std::vector<float> cosine, sine;
    pangu_trunk_desc trunk = {};
    pangu_group_desc group = {};

    TestModel(const pangu_shape &shape, int32_t weight_type, uint64_t seed);
    TestModel(const TestModel &) = delete;

    int32_t chosen() const { return shape.experts_per_token / shape.groups; }
    int64_t row_bytes() const { return type >= PANGU_I8 ? shape.hidden + 4 : shape.hidden * 4; }
    int64_t output_bytes() const { return shape.hidden * (trunk.group_output_type == PANGU_F32 ? 4 : 2); }

private:
    int64_t take(int64_t &length, int64_t bytes);
    pangu_tensor tensor(int64_t &length, int32_t element, int outputs, int inputs, bool paired, bool bias);
    void fill(uint8_t *file, const pangu_tensor &tensor, Random &random);
    void lay_out();
    void fill_all(uint64_t seed);
};

// A tiny shape where nothing is a multiple of 16.
pangu_shape odd_shape();

// Runs one step of `rows` tokens (one sequence, positions first..) through all layers and returns the logits of all rows.
struct Runner {
    const TestModel &model;
    pangu_trunk *trunk = nullptr;
    pangu_group *group = nullptr;

    Runner(const TestModel &model, const char *isa, int threads);
    ~Runner();
    Runner(const Runner &) = delete;
    std::vector<float> step(const std::vector<int32_t> &tokens, int first);
};

}  // namespace pangu_test
