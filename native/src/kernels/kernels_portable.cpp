// The kernel text compiled for portable. No standard library: a weak symbol from here could be linked into code that runs elsewhere.
#include "../../include/pangu.h"
#include "kernels.h"

namespace pangu {
namespace portable {
#include "simd_portable.h"
#include "nibble_portable.h"
#include "table.inc"
}  // namespace portable

constinit const Kernels kPortableKernels = portable::make_table("portable");

}  // namespace pangu
