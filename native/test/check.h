// Assertions for the C++ tests: no framework, so that a machine with cmake and g++ can run them. A test is a function registered by
// PANGU_TEST; a failed check prints where and what, and the program exits with 1.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace pangu_test {

using Body = void (*)();

struct Registration {
    Registration(const char *name, Body body);
};

// Counts a failure and prints it.
void fail(const char *file, int line, const char *what);

// A small generator (SplitMix64): the same seed gives the same numbers everywhere.
struct Random {
    uint64_t state;
    explicit Random(uint64_t seed) : state(seed) {}
    uint64_t next() {
        uint64_t z = (state += 0x9e3779b97f4a7c15ull);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    }
    // Uniform in -bound .. bound, with full fractions at every exponent: sums of values from one coarse grid would be exact in any order.
    float uniform(float bound) { return (float)((double)(next() >> 11) * 0x1p-52 - 1.0) * bound; }
    int below(int n) { return (int)(next() % (uint64_t)n); }
};

inline uint32_t bits(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}

inline bool same_bits(const void *a, const void *b, size_t bytes) { return memcmp(a, b, bytes) == 0; }

}  // namespace pangu_test

#define PANGU_TEST(name)                                                      \
    static void name();                                                       \
    static pangu_test::Registration registration_##name(#name, name);         \
    static void name()

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) pangu_test::fail(__FILE__, __LINE__, #condition);   \
    } while (0)
