// Status codes and the sentence that explains the last failure of this thread.
#pragma once

#include "../include/pangu.h"

namespace pangu {

// Remembers the sentence (printf format, cut at 255 bytes) and returns `status`.
pangu_status fail(pangu_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

}  // namespace pangu

#define PANGU_TRY(expression)                                    \
    do {                                                         \
        pangu_status status_ = (expression);                     \
        if (status_ != PANGU_OK) return status_;                 \
    } while (0)
