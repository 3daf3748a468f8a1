#include "pool.h"

namespace pangu {

namespace {
constexpr int64_t kParallelBytes = 1 << 17;  // below this, waking a thread costs more than the work
}

Pool::~Pool() {
    if (threads_ > 1) leave_team(threads_);
}

pangu_status Pool::start(int threads) {
    if (threads < 1 || threads > kMaxThreads) return fail(PANGU_OUT_OF_RANGE, "threads is %d; it must be 1 to %d", threads, kMaxThreads);
    threads_ = threads;
    return threads > 1 ? join_team(threads) : PANGU_OK;
}

void Pool::run(int64_t count, int64_t cost, Work work, void *context) {
    if (threads_ > 1 && count > 1 && count * cost >= kParallelBytes) return run_on_team(threads_, count, work, context);
    for (int64_t item = 0; item < count; item++) work(context, item, 0);
}

}  // namespace pangu
