// The kernel text compiled for avx512. No standard library: a weak symbol from here could be linked into code that runs elsewhere.
#include <immintrin.h>

#include "../../include/pangu.h"
#include "kernels.h"

namespace pangu {
namespace avx512 {
#include "simd_avx512.h"
#include "nibble_avx512.h"
#include "table.inc"
}  // namespace avx512

constinit const Kernels kAvx512Kernels = avx512::make_table("avx512");

}  // namespace pangu
