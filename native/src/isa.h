// Which instruction set a handle computes with.
#pragma once

#include "kernels/kernels.h"
#include "status.h"

namespace pangu {

// name: "avx512", "avx2", "portable"; null: the environment variable PANGU_FORCE_ISA if set, else the best this machine has.
pangu_status select_kernels(const char *name, const Kernels **kernels);

}  // namespace pangu
