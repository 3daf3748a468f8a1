#include "isa.h"

#include <cstdlib>
#include <cstring>

namespace pangu {

namespace {

bool has_avx512() {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("f16c");
}

bool has_avx2() {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

pangu_status missing(const char *name, const char *origin) {
    return fail(PANGU_UNSUPPORTED_ISA, "%s asks for the instruction set %s, which this machine does not have", origin, name);
}

}  // namespace

pangu_status select_kernels(const char *name, const Kernels **kernels) {
    const char *origin = "the isa argument";
    if (name == nullptr) {
        name = getenv("PANGU_FORCE_ISA");
        origin = "PANGU_FORCE_ISA";
        if (name != nullptr && name[0] == 0) name = nullptr;
    }
    if (name == nullptr) {
        *kernels = has_avx512() ? &kAvx512Kernels : has_avx2() ? &kAvx2Kernels : &kPortableKernels;
        return PANGU_OK;
    }
    if (strcmp(name, "portable") == 0) {
        *kernels = &kPortableKernels;
        return PANGU_OK;
    }
    if (strcmp(name, "avx512") == 0) {
        if (!has_avx512()) return missing(name, origin);
        *kernels = &kAvx512Kernels;
        return PANGU_OK;
    }
    if (strcmp(name, "avx2") == 0) {
        if (!has_avx2()) return missing(name, origin);
        *kernels = &kAvx2Kernels;
        return PANGU_OK;
    }
    return fail(PANGU_UNSUPPORTED_ISA, "%s is '%.32s'; it must be avx512, avx2 or portable", origin, name);
}

}  // namespace pangu

extern "C" PANGU_API const char *pangu_active_isa(void) {
    const pangu::Kernels *kernels = nullptr;
    return pangu::select_kernels(nullptr, &kernels) == PANGU_OK ? kernels->name : nullptr;
}

extern "C" PANGU_API pangu_status pangu_isa_supported(const char *isa) {
    if (isa == nullptr) return pangu::fail(PANGU_NULL_ARGUMENT, "isa is null");
    const pangu::Kernels *kernels = nullptr;
    return pangu::select_kernels(isa, &kernels);
}
