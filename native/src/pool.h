// A handle's threads. Work is a number of items handed out through an atomic counter; which thread takes which item changes nothing in
// the result, because every item writes its own outputs.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "memory.h"
#include "status.h"

namespace pangu {

constexpr int kMaxThreads = 256;

class Pool {
public:
    // item: 0..count-1; thread: 0..threads-1, for per-thread scratch.
    using Work = void (*)(void *context, int64_t item, int thread);

    Pool() = default;
    Pool(const Pool &) = delete;
    Pool &operator=(const Pool &) = delete;
    ~Pool();

    // Starts threads - 1 workers.
    pangu_status start(int threads);
    int threads() const { return threads_; }

    // Runs every item and returns when all are done. `cost` is an item's rough size in bytes touched: little work stays on the caller.
    void run(int64_t count, int64_t cost, Work work, void *context);

    // run over a callable: body(item, thread).
    template <class Body> void each(int64_t count, int64_t cost, const Body &body) {
        run(count, cost, [](void *context, int64_t item, int thread) { (*(const Body *)context)(item, thread); }, (void *)&body);
    }

private:
    struct Worker {
        Pool *pool;
        int index;
        pthread_t id;
    };

    pangu_status start_workers();
    static void *worker_main(void *worker);
    void worker_loop(int index);
    bool join_job();
    void leave_job();
    void take_items(int thread);
    void close_job();

    int threads_ = 0;
    int started_ = 0;
    Buffer<Worker> workers_;

    Work work_ = nullptr;
    void *context_ = nullptr;
    int64_t count_ = 0;
    alignas(64) std::atomic<int64_t> next_{0};
    // Bit 31: a job is open. Below: workers inside it. A worker joins only an open job, so one that wakes late finds it closed and goes
    // back to sleep, and nobody waits for a sleeper.
    alignas(64) std::atomic<uint32_t> state_{0};
    // Grows by one per job; workers sleep on it.
    alignas(64) std::atomic<uint32_t> epoch_{0};
    std::atomic<int32_t> sleepers_{0};
    std::atomic<bool> stopping_{false};
};

}  // namespace pangu
