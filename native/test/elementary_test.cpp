// Elementary functions against double precision, reductions against the written order, conversions against exact arithmetic.
#include <cmath>
#include <vector>

#include "check.h"
#include "isa_list.h"

using namespace pangu_test;

namespace {

float exp_of(const pangu::Kernels &k, float x) {
    float y;
    k.exp_array(&x, 1, &y);
    return y;
}

// reduce16 as NUMERICS.md words it, one operation at a time.
float reduce16_reference(const float *a, const float *b, int n) {
    float p[16] = {};
    for (int i = 0; i < n; i++) p[i % 16] = b ? std::fma(a[i], b[i], p[i % 16]) : p[i % 16] + a[i];
    for (int width = 8; width >= 1; width /= 2)
        for (int j = 0; j < width; j++) p[j] = p[j] + p[j + width];
    return p[0];
}

}  // namespace

PANGU_TEST(Exp_should_be_within_two_ulp_over_its_range) {
    for (const pangu::Kernels *k : IsaList()) {
        double worst = 0;
        for (int i = 0; i <= 200000; i++) {
            float x = -87.0f + (float)i * (175.0f / 200000.0f);
            double exact = std::exp((double)x);
            double error = std::fabs((double)exp_of(*k, x) - exact) / (std::ldexp(1.0, std::ilogb(exact)) * 0x1p-23);
            if (error > worst) worst = error;
        }
        CHECK(worst < 2.0);
        CHECK(worst > 0.1);  // a comparison of the function with itself would show 0
    }
}

PANGU_TEST(Exp_should_be_zero_below_its_range_and_clamped_above) {
    for (const pangu::Kernels *k : IsaList()) {
        for (float x : {-87.001f, -88.0f, -1e4f, -3e38f, -INFINITY}) CHECK(bits(exp_of(*k, x)) == 0);
        CHECK(exp_of(*k, -87.0f) > 0.0f);
        for (float x : {89.0f, 1e30f, INFINITY}) CHECK(bits(exp_of(*k, x)) == bits(exp_of(*k, 88.0f)));
        CHECK(bits(exp_of(*k, 0.0f)) == bits(1.0f));
        CHECK(bits(exp_of(*k, -0.0f)) == bits(1.0f));
        exp_of(*k, NAN);  // any value, no trap
    }
}

PANGU_TEST(Silu_should_be_close_to_the_double_function) {
    for (const pangu::Kernels *k : IsaList())
        for (int i = -4000; i <= 4000; i++) {
            float x = (float)i * 0.01f, y;
            k->silu_array(&x, 1, &y);
            double exact = (double)x / (1.0 + std::exp(-(double)x));
            CHECK(std::fabs((double)y - exact) <= 4e-7 * std::fabs(exact) + 1e-37);
        }
}

PANGU_TEST(Elementary_functions_should_have_the_same_bits_on_every_instruction_set) {
    Random random(1);
    std::vector<float> x(4099), expected(x.size()), y(x.size());
    for (float &v : x) v = random.uniform(100.0f);
    const pangu::Kernels &portable = **IsaList().begin();
    for (const pangu::Kernels *k : IsaList()) {
        portable.exp_array(x.data(), (int)x.size(), expected.data());
        k->exp_array(x.data(), (int)x.size(), y.data());
        CHECK(same_bits(expected.data(), y.data(), x.size() * 4));
        portable.silu_array(x.data(), (int)x.size(), expected.data());
        k->silu_array(x.data(), (int)x.size(), y.data());
        CHECK(same_bits(expected.data(), y.data(), x.size() * 4));
    }
}

PANGU_TEST(Reduce16_should_follow_the_written_order) {
    Random random(2);
    for (const pangu::Kernels *k : IsaList())
        for (int n = 1; n <= 130; n++) {
            float a[130], b[130];
            for (int i = 0; i < n; i++) a[i] = random.uniform(1.0f), b[i] = random.uniform(1000.0f);
            CHECK(bits(k->dot16(a, b, n)) == bits(reduce16_reference(a, b, n)));
            CHECK(bits(k->sum16(b, n)) == bits(reduce16_reference(b, nullptr, n)));
        }
}

PANGU_TEST(Reduce16_should_differ_from_a_plain_sum) {
    // The order matters for these numbers: a kernel that summed front to back would be seen.
    Random random(3);
    float a[100], plain = 0;
    for (float &v : a) plain += v = random.uniform(1.0f);
    CHECK(bits((*IsaList().begin())->sum16(a, 100)) != bits(plain));
}

PANGU_TEST(Fma_should_be_the_libms_on_every_instruction_set) {
    Random random(4);
    std::vector<float> a(1 << 16), b(a.size()), c(a.size()), y(a.size());
    for (const pangu::Kernels *k : IsaList()) {
        for (size_t i = 0; i < a.size(); i++) {
            // Random signs and fractions; exponents near each other, so that cancellation and half-way cases occur; some denormal results.
            auto value = [&](int low, int span) { return std::ldexp(1.0f + (float)(random.next() >> 41) * 0x1p-23f, low + random.below(span)) * (random.next() & 1 ? 1 : -1); };
            int base = i % 4 == 0 ? -75 : -10;
            a[i] = value(base, 20), b[i] = value(base, 20), c[i] = i % 5 == 0 ? -a[i] * b[i] : value(2 * base, 40);
        }
        k->fma_array(a.data(), b.data(), c.data(), (int)a.size(), y.data());
        for (size_t i = 0; i < a.size(); i++) CHECK(bits(y[i]) == bits(std::fma(a[i], b[i], c[i])));
    }
}

PANGU_TEST(Fma_should_round_once_when_the_sum_is_next_to_a_half_way_case) {
    // An odd product of 25 or 26 bits lies half-way between floats (or near it); an addend below double precision decides the direction.
    // Rounding first to double and then to float gets these wrong.
    Random random(6);
    for (const pangu::Kernels *k : IsaList())
        for (int i = 0; i < 20000; i++) {
            float a = (float)(4097 + 2 * random.below(2048)), b = (float)(4097 + 2 * random.below(2048));
            float c = std::ldexp(random.next() & 1 ? 1.0f : -1.0f, -30 - random.below(60)), y;
            if (random.next() & 1) a = -a;
            k->fma_array(&a, &b, &c, 1, &y);
            CHECK(bits(y) == bits(std::fma(a, b, c)));
        }
}

PANGU_TEST(Fma_should_keep_special_values) {
    const float values[] = {0.0f, -0.0f, 1.0f, -1.0f, 0x1p-149f, -0x1p-149f, 0x1p-126f, 3.4e38f, -3.4e38f, INFINITY, -INFINITY, 0x1.fffffep0f};
    for (const pangu::Kernels *k : IsaList())
        for (float a : values)
            for (float b : values)
                for (float c : values) {
                    float y, expected = std::fma(a, b, c);
                    k->fma_array(&a, &b, &c, 1, &y);
                    CHECK(std::isnan(expected) ? std::isnan(y) : bits(y) == bits(expected));
                }
}

PANGU_TEST(Widening_should_be_exact_for_every_half_word) {
    for (const pangu::Kernels *k : IsaList())
        for (uint32_t h = 0; h < 65536; h += 31) {
            uint16_t lanes[31];
            float f16[31], bf16[31];
            int n = 65536 - h < 31 ? (int)(65536 - h) : 31;
            for (int i = 0; i < n; i++) lanes[i] = (uint16_t)(h + (uint32_t)i);
            k->widen(PANGU_F16, lanes, n, f16);
            k->widen(PANGU_BF16, lanes, n, bf16);
            for (int i = 0; i < n; i++) {
                int exponent = (lanes[i] >> 10) & 31, fraction = lanes[i] & 1023;
                if (exponent != 31) {
                    // Denormals (exponent 0) included.
                    double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
                    CHECK(bits(f16[i]) == bits((float)(lanes[i] & 0x8000 ? -magnitude : magnitude)));
                }
                CHECK((bits(bf16[i]) == (uint32_t)lanes[i] << 16));
            }
        }
}

PANGU_TEST(Narrowing_to_bf16_should_round_to_nearest_even) {
    Random random(5);
    for (const pangu::Kernels *k : IsaList())
        for (int round = 0; round < 2000; round++) {
            float x[19];
            uint16_t y[19];
            for (float &v : x) {
                uint32_t u = (uint32_t)random.next();
                if (round % 3 == 0) u = (u & 0xffff0000u) | 0x8000u;  // half-way
                if ((u & 0x7f800000u) == 0x7f800000u) u &= 0xff7fffffu;
                memcpy(&v, &u, 4);
            }
            k->narrow(PANGU_BF16, x, 19, y);
            for (int i = 0; i < 19; i++) {
                uint32_t u = bits(x[i]);
                CHECK(y[i] == (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16));
            }
        }
    for (const pangu::Kernels *k : IsaList()) {
        float nan = NAN;
        uint16_t y;
        k->narrow(PANGU_BF16, &nan, 1, &y);
        CHECK((y & 0x7f80) == 0x7f80 && (y & 0x7f) != 0);
    }
}
