// Machine-limit probes: what `pangu bench` measures everything else against.
#include <time.h>

#include "isa.h"
#include "pool.h"

using namespace pangu;

namespace {

constexpr int64_t kLargeCost = 1 << 20;  // never run on the caller alone

double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Runs body once per thread and returns the seconds it took. The pool's start is not counted.
template <class Body> pangu_status measure(int32_t threads, pangu_probe *result, double amount, const Body &body) {
    Pool pool;
    PANGU_TRY(pool.start(threads));
    Buffer<uint64_t> sums;
    if (!sums.allocate(threads)) return fail(PANGU_OUT_OF_MEMORY, "no memory for a probe");
    pool.each(threads, kLargeCost, [&](int64_t item, int) { sums[item] = 1; });
    double start = now();
    pool.each(threads, kLargeCost, [&](int64_t item, int) { sums[item] = body(item); });
    result->seconds = now() - start;
    result->amount = amount;
    return PANGU_OK;
}

pangu_status check_probe(const char *isa, int32_t threads, pangu_probe *result, const Kernels **kernels) {
    if (result == nullptr) return fail(PANGU_NULL_ARGUMENT, "result is null");
    if ((uintptr_t)result % alignof(pangu_probe) != 0) return fail(PANGU_BAD_LAYOUT, "result is not aligned to %zu bytes", alignof(pangu_probe));
    *result = {0, 0};
    if (threads < 1 || threads > kMaxThreads) return fail(PANGU_OUT_OF_RANGE, "threads is %d; it must be 1 to %d", threads, kMaxThreads);
    return select_kernels(isa, kernels);
}

pangu_status check_iterations(int64_t iterations) {
    if (iterations >= 1 && iterations <= 1LL << 40) return PANGU_OK;
    return fail(PANGU_OUT_OF_RANGE, "iterations is %lld; it must be 1 to 2^40", (long long)iterations);
}

}  // namespace

extern "C" PANGU_API pangu_status pangu_probe_read(const char *isa, const void *buffer, int64_t bytes, int32_t threads, pangu_probe *result) {
    const Kernels *kernels = nullptr;
    PANGU_TRY(check_probe(isa, threads, result, &kernels));
    if (buffer == nullptr) return fail(PANGU_NULL_ARGUMENT, "buffer is null");
    if (bytes < 4096) return fail(PANGU_OUT_OF_RANGE, "bytes is %lld; it must be at least 4096", (long long)bytes);
    int64_t slice = (bytes / threads) & ~255LL;
    return measure(threads, result, (double)bytes, [=](int64_t t) {
        return kernels->probe_read((const uint8_t *)buffer + t * slice, t + 1 == threads ? bytes - t * slice : slice);
    });
}

extern "C" PANGU_API pangu_status pangu_probe_int8(const char *isa, int64_t iterations, int32_t threads, pangu_probe *result) {
    const Kernels *kernels = nullptr;
    PANGU_TRY(check_probe(isa, threads, result, &kernels));
    PANGU_TRY(check_iterations(iterations));
    return measure(threads, result, (double)iterations * threads * kernels->int8_operations, [=](int64_t) { return kernels->probe_int8(iterations); });
}

extern "C" PANGU_API pangu_status pangu_probe_fp32(const char *isa, int64_t iterations, int32_t threads, pangu_probe *result) {
    const Kernels *kernels = nullptr;
    PANGU_TRY(check_probe(isa, threads, result, &kernels));
    PANGU_TRY(check_iterations(iterations));
    return measure(threads, result, (double)iterations * threads * kernels->fp32_operations, [=](int64_t) { return kernels->probe_fp32(iterations); });
}
