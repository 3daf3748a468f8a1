#include "pool.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace pangu {

namespace {

constexpr uint32_t kOpen = 1u << 31;
constexpr int kSpins = 2000;            // some tens of microseconds: longer than the gap between two stages of a layer
constexpr int64_t kParallelBytes = 1 << 17;  // below this, waking a thread costs more than the work

void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

void futex_wait(std::atomic<uint32_t> *word, uint32_t expected) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<uint32_t> *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0); }

}  // namespace

Pool::~Pool() {
    stopping_.store(true);
    epoch_.fetch_add(1);
    futex_wake(&epoch_);
    for (int i = 0; i < started_; i++) pthread_join(workers_[i].id, nullptr);
}

pangu_status Pool::start(int threads) {
    if (threads < 1 || threads > kMaxThreads) return fail(PANGU_OUT_OF_RANGE, "threads is %d; it must be 1 to %d", threads, kMaxThreads);
    threads_ = threads;
    // Workers inherit a full signal mask: the host process handles its signals on its own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pangu_status status = start_workers();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return status;
}

pangu_status Pool::start_workers() {
    if (!workers_.allocate(threads_)) return fail(PANGU_OUT_OF_MEMORY, "no memory for %d workers", threads_);
    for (int i = 0; i + 1 < threads_; i++) {
        workers_[i] = {this, i + 1, {}};
        int error = pthread_create(&workers_[i].id, nullptr, worker_main, &workers_[i]);
        if (error != 0) return fail(PANGU_THREAD_FAILED, "worker thread %d of %d could not be started (error %d)", i + 1, threads_ - 1, error);
        started_++;
    }
    return PANGU_OK;
}

void *Pool::worker_main(void *argument) {
    Worker *worker = (Worker *)argument;
    worker->pool->worker_loop(worker->index);
    return nullptr;
}

void Pool::worker_loop(int index) {
    uint32_t seen = 0;
    for (;;) {
        int spins = 0;
        while (epoch_.load(std::memory_order_acquire) == seen) {
            if (++spins < kSpins) {
                relax();
                continue;
            }
            sleepers_.fetch_add(1);
            futex_wait(&epoch_, seen);
            sleepers_.fetch_sub(1);
            spins = 0;
        }
        if (stopping_.load()) return;
        seen = epoch_.load(std::memory_order_acquire);
        if (!join_job()) continue;
        seen = epoch_.load(std::memory_order_acquire);
        take_items(index);
        leave_job();
    }
}

bool Pool::join_job() {
    uint32_t state = state_.load(std::memory_order_acquire);
    while (state & kOpen)
        if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) return true;
    return false;
}

void Pool::leave_job() {
    if (state_.fetch_sub(1, std::memory_order_acq_rel) == 1) futex_wake(&state_);  // closed and empty: the caller may be asleep
}

void Pool::take_items(int thread) {
    for (;;) {
        int64_t item = next_.fetch_add(1, std::memory_order_relaxed);
        if (item >= count_) return;
        work_(context_, item, thread);
    }
}

void Pool::close_job() {
    uint32_t inside = state_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
    for (int spins = 0; inside != 0; inside = state_.load(std::memory_order_acquire)) {
        if (++spins < kSpins) relax();
        else futex_wait(&state_, inside);
    }
}

void Pool::run(int64_t count, int64_t cost, Work work, void *context) {
    if (threads_ == 1 || count <= 1 || count * cost < kParallelBytes) {
        for (int64_t item = 0; item < count; item++) work(context, item, 0);
        return;
    }
    work_ = work;
    context_ = context;
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    state_.store(kOpen, std::memory_order_release);  // open first: a worker that sees the new epoch may join at once
    epoch_.fetch_add(1);
    if (sleepers_.load() > 0) futex_wake(&epoch_);
    take_items(0);
    close_job();
}

}  // namespace pangu
