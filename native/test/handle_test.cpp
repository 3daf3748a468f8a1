// Whole steps through the C interface: the same bits with every instruction set, chunking and number of threads.
#include <cstdlib>

#include "isa_list.h"
#include "test_model.h"

using namespace pangu_test;

namespace {

std::vector<int32_t> tokens_of(int count, int vocab) {
    Random random(21);
    std::vector<int32_t> tokens;
    for (int i = 0; i < count; i++) tokens.push_back(random.below(vocab));
    return tokens;
}

// 150 tokens in steps of at most `rows`.
std::vector<float> run(const TestModel &model, const char *isa, int threads, int rows) {
    Runner runner(model, isa, threads);
    std::vector<int32_t> tokens = tokens_of(150, model.shape.vocab);
    std::vector<float> all;
    for (int at = 0; at < 150; at += rows) {
        int n = 150 - at < rows ? 150 - at : rows;
        std::vector<float> logits = runner.step(std::vector<int32_t>(tokens.begin() + at, tokens.begin() + at + n), at);
        all.insert(all.end(), logits.begin(), logits.end());
    }
    return all;
}

bool equal(const std::vector<float> &a, const std::vector<float> &b) { return a.size() == b.size() && same_bits(a.data(), b.data(), a.size() * 4); }

}  // namespace

PANGU_TEST(Steps_should_have_the_same_bits_on_every_instruction_set) {
    for (int type : {PANGU_F32, PANGU_BF16, PANGU_F16, PANGU_I8, PANGU_I4}) {
        TestModel model(odd_shape(), type, 31);
        std::vector<float> expected = run(model, "portable", 1, 64);
        for (const pangu::Kernels *k : IsaList()) CHECK(equal(expected, run(model, k->name, 1, 64)));
        for (float v : expected) CHECK(v == v);
    }
}

PANGU_TEST(Steps_should_have_the_same_bits_when_rows_come_alone_or_64_together) {
    for (int type : {PANGU_BF16, PANGU_I8, PANGU_I4}) {
        TestModel model(odd_shape(), type, 32);
        for (const pangu::Kernels *k : IsaList()) {
            std::vector<float> expected = run(model, k->name, 1, 64);
            CHECK(equal(expected, run(model, k->name, 1, 1)));
            CHECK(equal(expected, run(model, k->name, 1, 7)));
        }
    }
}

PANGU_TEST(Steps_should_have_the_same_bits_when_there_are_three_threads) {
    pangu_shape wide = odd_shape();
    wide.hidden = 600, wide.heads = 4, wide.kv_heads = 1, wide.head_dim = 150, wide.expert_intermediate = 530, wide.layers = 1;
    for (int type : {PANGU_BF16, PANGU_I8, PANGU_I4}) {
        TestModel model(wide, type, 33);
        CHECK(equal(run(model, nullptr, 1, 50), run(model, nullptr, 3, 50)));
    }
}

PANGU_TEST(Logits_should_change_when_one_weight_bit_is_flipped) {
    TestModel model(odd_shape(), PANGU_BF16, 34);
    std::vector<float> expected = run(model, nullptr, 1, 64);
    const_cast<uint8_t *>((const uint8_t *)model.trunk.file)[model.layers[0].shared_down.offset] ^= 1;
    CHECK(!equal(expected, run(model, nullptr, 1, 64)));
}

PANGU_TEST(Handle_should_run_the_instruction_set_that_was_asked_for) {
    TestModel model(odd_shape(), PANGU_I8, 35);
    for (const pangu::Kernels *k : IsaList()) {
        Runner runner(model, k->name, 1);
        CHECK(strcmp(pangu_trunk_isa(runner.trunk), k->name) == 0);
        CHECK(strcmp(pangu_group_isa(runner.group), k->name) == 0);
        setenv("PANGU_FORCE_ISA", k->name, 1);
        CHECK(strcmp(pangu_active_isa(), k->name) == 0);
        Runner forced(model, nullptr, 1);
        CHECK(strcmp(pangu_trunk_isa(forced.trunk), k->name) == 0);
        unsetenv("PANGU_FORCE_ISA");
    }
}

PANGU_TEST(Forced_instruction_set_should_be_refused_when_unknown) {
    TestModel model(odd_shape(), PANGU_I8, 36);
    setenv("PANGU_FORCE_ISA", "avx1024", 1);
    CHECK(pangu_active_isa() == nullptr);
    CHECK(strstr(pangu_last_error(), "PANGU_FORCE_ISA") && strstr(pangu_last_error(), "avx1024"));
    pangu_trunk *trunk = nullptr;
    CHECK(pangu_trunk_open(&model.trunk, &trunk) == PANGU_UNSUPPORTED_ISA && trunk == nullptr);
    unsetenv("PANGU_FORCE_ISA");
    CHECK(pangu_isa_supported("sse9") == PANGU_UNSUPPORTED_ISA);
    CHECK(pangu_isa_supported(nullptr) == PANGU_NULL_ARGUMENT);
    CHECK(pangu_isa_supported("portable") == PANGU_OK);
}
