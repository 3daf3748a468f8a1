// The instruction sets this machine can run, portable first: the one the others are compared with.
#pragma once

#include <initializer_list>

#include "../src/isa.h"

namespace pangu_test {

struct IsaList {
    const pangu::Kernels *items[3];
    int count = 0;
    IsaList() {
        for (const char *name : {"portable", "avx2", "avx512"})
            if (pangu::select_kernels(name, &items[count]) == PANGU_OK) count++;
    }
    const pangu::Kernels *const *begin() const { return items; }
    const pangu::Kernels *const *end() const { return items + count; }
};

}  // namespace pangu_test
