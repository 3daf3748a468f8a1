#include "status.h"

#include <cstdarg>
#include <cstdio>

namespace pangu {

namespace {
thread_local char last_error[256];
}

pangu_status fail(pangu_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(last_error, sizeof last_error, format, arguments);
    va_end(arguments);
    return status;
}

}  // namespace pangu

extern "C" PANGU_API const char *pangu_last_error(void) { return pangu::last_error; }
extern "C" PANGU_API int32_t pangu_abi_version(void) { return PANGU_ABI_VERSION; }
extern "C" PANGU_API int32_t pangu_noop(int32_t value) { return value; }
