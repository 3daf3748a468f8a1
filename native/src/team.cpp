#include "team.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace pangu {

namespace {

constexpr int kSpins = 2000;  // some tens of microseconds: longer than the gap between two stages of a layer
constexpr int kJobs = 32;     // callers at once; one more works alone

// Bits of a job's state; below them: workers inside.
constexpr uint32_t kOpen = 1u << 31;     // workers may join
constexpr uint32_t kClaimed = 1u << 30;  // belongs to a caller
constexpr uint32_t kWaiting = 1u << 29;  // its caller sleeps until the last worker has left
constexpr uint32_t kInside = kWaiting - 1;

// A place for the work of one caller. Never freed, so that a worker may look at any at any time: it joins only an open job, so one that
// wakes late finds it closed and goes back to sleep, and nobody waits for a sleeper.
struct Job {
    alignas(64) std::atomic<uint32_t> state{0};
    std::atomic<int> joined{0};
    int threads = 0;
    Work work = nullptr;
    void *context = nullptr;
    // Items not yet taken, [low half, high half), of each thread: neighbours, so that a thread reads its weights in one sequence. It takes
    // its own from the front; when they are gone, those of others from the back.
    struct alignas(64) Share {
        std::atomic<uint64_t> range;
    } shares[kMaxThreads];
};

struct Team {
    Job jobs[kJobs];
    alignas(64) std::atomic<uint32_t> epoch{0};  // grows by one per job; workers sleep on it
    alignas(64) std::atomic<int32_t> sleepers{0};
    std::atomic<bool> stopping{false};

    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;  // of what follows
    pthread_t workers[kMaxThreads];
    int started = 0;
    int64_t wanted = 0;  // workers that the open handles would keep busy at once
};

Team team;

void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

void futex_wait(std::atomic<uint32_t> *word, uint32_t expected) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<uint32_t> *word, int waiters) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, waiters, nullptr, nullptr, 0); }

constexpr uint64_t range(uint32_t begin, uint32_t end) { return (uint64_t)end << 32 | begin; }

bool take(Job::Share &share, bool front, int64_t *item) {
    uint64_t seen = share.range.load(std::memory_order_relaxed);
    for (;;) {
        uint32_t begin = (uint32_t)seen, end = (uint32_t)(seen >> 32);
        if (begin >= end) return false;
        *item = front ? begin : end - 1;
        uint64_t rest = front ? range(begin + 1, end) : range(begin, end - 1);
        if (share.range.compare_exchange_weak(seen, rest, std::memory_order_relaxed)) return true;
    }
}

void take_items(Job &job, int thread) {
    int64_t item;
    for (int i = 0; i < job.threads; i++) {
        Job::Share &share = job.shares[(thread + i) % job.threads];
        while (take(share, i == 0, &item)) job.work(job.context, item, thread);
    }
}

void help(Job &job) {
    uint32_t state = job.state.load(std::memory_order_acquire);
    do {
        if (!(state & kOpen)) return;
    } while (!job.state.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel));
    int thread = job.joined.fetch_add(1, std::memory_order_relaxed) + 1;
    if (thread < job.threads) take_items(job, thread);
    if (job.state.fetch_sub(1, std::memory_order_acq_rel) == (kClaimed | kWaiting | 1)) futex_wake(&job.state, 1);
}

void *worker_main(void *) {
    uint32_t seen = 0;
    int spins = 0;
    while (!team.stopping.load()) {
        uint32_t epoch = team.epoch.load(std::memory_order_acquire);
        if (epoch != seen) {
            seen = epoch;
            for (Job &job : team.jobs) help(job);
            spins = 0;
        } else if (++spins < kSpins) {
            relax();
        } else {
            team.sleepers.fetch_add(1);
            futex_wait(&team.epoch, seen);
            team.sleepers.fetch_sub(1);
            spins = 0;
        }
    }
    return nullptr;
}

Job *claim() {
    for (Job &job : team.jobs) {
        uint32_t free = 0;
        if (job.state.compare_exchange_strong(free, kClaimed, std::memory_order_acquire)) return &job;
    }
    return nullptr;
}

// Waits until no worker is inside, and gives the place back.
void close(Job &job) {
    uint32_t state = job.state.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
    for (int spins = 0; (state & kInside) != 0; state = job.state.load(std::memory_order_acquire)) {
        if (++spins < kSpins) {
            relax();
        } else if (job.state.compare_exchange_strong(state, state | kWaiting, std::memory_order_acq_rel)) {
            futex_wait(&job.state, state | kWaiting);
        }
    }
    job.state.store(0, std::memory_order_release);
}

int processors() {
    cpu_set_t all;
    return sched_getaffinity(0, sizeof all, &all) == 0 ? CPU_COUNT(&all) : 1;
}

// Workers inherit a full signal mask: the host process handles its signals on its own threads.
pangu_status start_workers(int target) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    while (team.started < target && error == 0) {
        error = pthread_create(&team.workers[team.started], nullptr, worker_main, nullptr);
        if (error == 0) team.started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error != 0) return fail(PANGU_THREAD_FAILED, "worker thread %d of %d could not be started (error %d)", team.started + 1, target, error);
    return PANGU_OK;
}

void stop_workers() {
    team.stopping.store(true);
    team.epoch.fetch_add(1);
    futex_wake(&team.epoch, INT32_MAX);
    for (int i = 0; i < team.started; i++) pthread_join(team.workers[i], nullptr);
    team.started = 0;
    team.stopping.store(false);
}

}  // namespace

pangu_status join_team(int threads) {
    pthread_mutex_lock(&team.lock);
    team.wanted += threads - 1;
    int most = processors() > threads ? processors() - 1 : threads - 1;
    if (most > kMaxThreads - 1) most = kMaxThreads - 1;
    pangu_status status = start_workers(team.wanted < most ? (int)team.wanted : most);
    pthread_mutex_unlock(&team.lock);
    return status;
}

void leave_team(int threads) {
    pthread_mutex_lock(&team.lock);
    team.wanted -= threads - 1;
    if (team.wanted == 0) stop_workers();
    pthread_mutex_unlock(&team.lock);
}

void run_on_team(int threads, int64_t count, Work work, void *context) {
    Job *job = count <= UINT32_MAX ? claim() : nullptr;
    if (!job) {
        for (int64_t item = 0; item < count; item++) work(context, item, 0);
        return;
    }
    job->joined.store(0, std::memory_order_relaxed);
    job->threads = threads;
    job->work = work;
    job->context = context;
    for (int i = 0; i < threads; i++)
        job->shares[i].range.store(range((uint32_t)(count * i / threads), (uint32_t)(count * (i + 1) / threads)), std::memory_order_relaxed);
    job->state.store(kClaimed | kOpen, std::memory_order_release);  // open first: a worker that sees the new epoch may join at once
    team.epoch.fetch_add(1);
    if (team.sleepers.load() > 0) futex_wake(&team.epoch, threads - 1);
    take_items(*job, 0);
    close(*job);
}

}  // namespace pangu
