// The worker threads of the process, shared by all handles: a handle's work runs on its caller and on whichever workers are free. Workers
// of its own for every handle would wait asleep while their handle does, and share a core with the workers of the one that was called last.
#pragma once

#include <atomic>
#include <cstdint>

#include "status.h"

namespace pangu {

constexpr int kMaxThreads = 256;

// item: 0..count-1; thread: 0..threads-1, for per-thread scratch.
using Work = void (*)(void *context, int64_t item, int thread);

// Makes room for one more handle of so many threads, the caller's among them: workers are started until there are enough for all handles
// at once or for all processors, whichever is less.
pangu_status join_team(int threads);
// The last handle stops the workers.
void leave_team(int threads);

// Runs every item on the caller and up to threads - 1 workers and returns when all are done. Any number of callers at once.
void run_on_team(int threads, int64_t count, Work work, void *context);

}  // namespace pangu
