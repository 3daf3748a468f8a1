// The kernel text compiled for avx2. No standard library: a weak symbol from here could be linked into code that runs elsewhere.
#include <immintrin.h>

#include "../../include/pangu.h"
#include "kernels.h"

namespace pangu {
namespace avx2 {
#include "simd_avx2.h"
#include "nibble_avx2.h"
#include "winograd_avx2.h"
#include "attention_avx2.h"
#include "table.inc"
}  // namespace avx2

constinit const Kernels kAvx2Kernels = avx2::make_table("avx2");

}  // namespace pangu
