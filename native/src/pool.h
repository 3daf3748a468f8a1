// A handle's threads: its caller and workers of the process's team. Work is a number of items; each thread starts with a share of
// neighbouring ones and takes over what others leave. Which thread takes which item changes nothing in the result, because every item
// writes its own outputs.
#pragma once

#include <cstdint>

#include "memory.h"
#include "status.h"
#include "team.h"

namespace pangu {

class Pool {
public:
    Pool() = default;
    Pool(const Pool &) = delete;
    Pool &operator=(const Pool &) = delete;
    ~Pool();

    pangu_status start(int threads);
    int threads() const { return threads_; }

    // Runs every item and returns when all are done. `cost` is an item's rough size in bytes touched: little work stays on the caller.
    void run(int64_t count, int64_t cost, Work work, void *context);

    // run over a callable: body(item, thread).
    template <class Body> void each(int64_t count, int64_t cost, const Body &body) {
        run(count, cost, [](void *context, int64_t item, int thread) { (*(const Body *)context)(item, thread); }, (void *)&body);
    }

private:
    int threads_ = 0;
};

}  // namespace pangu
