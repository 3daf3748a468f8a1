// The thread pool: every item exactly once, over many jobs, with more threads than cores.
#include <dirent.h>
#include <sched.h>

#include <atomic>
#include <thread>
#include <vector>

#include "../src/pool.h"
#include "check.h"

using namespace pangu_test;

PANGU_TEST(Pool_should_run_every_item_exactly_once_over_many_jobs) {
    for (int threads : {1, 2, 5}) {
        pangu::Pool pool;
        CHECK(pool.start(threads) == PANGU_OK);
        std::vector<std::atomic<int>> done(97);
        std::atomic<int> outside{0};
        const int jobs = 3000;
        for (int job = 0; job < jobs; job++) {
            int items = 1 + job % 97;
            pool.each(items, 1 << 20, [&](int64_t item, int thread) {
                if (thread < 0 || thread >= threads || item >= items) outside++;
                done[(size_t)item].fetch_add(1);
            });
            // All of this job's items are done when the call returns.
            if (done[(size_t)items - 1].load() == 0) outside++;
        }
        CHECK(outside == 0);
        for (int i = 0; i < 97; i++) {
            int expected = 0;
            for (int job = 0; job < jobs; job++) expected += i < 1 + job % 97;
            CHECK(done[(size_t)i].load() == expected);
        }
    }
}

PANGU_TEST(Pool_should_hand_items_to_its_workers) {
    pangu::Pool pool;
    CHECK(pool.start(2) == PANGU_OK);
    for (int job = 0; job < 50; job++) {
        // Each of the two items waits for the other, so one thread cannot do both.
        std::atomic<int> inside{0}, late{0};
        pool.each(2, 1 << 20, [&](int64_t, int) {
            inside++;
            int64_t turns = 0;
            while (inside.load() < 2 && turns++ < 50000000) sched_yield();
            if (inside.load() < 2) late++;
        });
        CHECK(late == 0);
    }
}

PANGU_TEST(Pools_should_run_every_item_exactly_once_when_called_side_by_side) {
    // More callers than the team has places for: the last ones work alone.
    constexpr int kCallers = 40, kItems = 30, kRounds = 40;
    std::vector<std::thread> callers;
    std::atomic<int> wrong{0};
    for (int caller = 0; caller < kCallers; caller++)
        callers.emplace_back([&, caller] {
            int threads = 1 + caller % 4;
            pangu::Pool pool;
            if (pool.start(threads) != PANGU_OK) wrong++;
            std::vector<std::atomic<int>> inside((size_t)threads), done(kItems);
            for (int round = 0; round < kRounds; round++)
                pool.each(kItems, 1 << 20, [&](int64_t item, int thread) {
                    // No two threads of a job share scratch.
                    if (thread < 0 || thread >= threads || inside[(size_t)thread].fetch_add(1) != 0) wrong++;
                    done[(size_t)item].fetch_add(1);
                    sched_yield();
                    inside[(size_t)thread].fetch_sub(1);
                });
            for (auto &n : done)
                if (n.load() != kRounds) wrong++;
        });
    for (std::thread &caller : callers) caller.join();
    CHECK(wrong == 0);
}

// Of this process, the caller's included.
static int count_threads() {
    int n = 0;
    DIR *tasks = opendir("/proc/self/task");
    while (dirent *entry = readdir(tasks)) n += entry->d_name[0] != '.';
    closedir(tasks);
    return n;
}

PANGU_TEST(Pools_should_share_workers_and_end_them_with_the_last_one) {
    const int before = count_threads(), processors = (int)std::thread::hardware_concurrency();
    {
        pangu::Pool pools[9];
        for (pangu::Pool &pool : pools) CHECK(pool.start(3) == PANGU_OK);
        int most = processors > 3 ? processors - 1 : 2;
        CHECK(count_threads() - before == (most < 18 ? most : 18));
    }
    // The system takes a joined thread off its list a little later.
    for (int turns = 0; count_threads() != before && turns < 1000000; turns++) sched_yield();
    CHECK(count_threads() == before);
}

PANGU_TEST(Pool_should_refuse_a_wrong_number_of_threads) {
    for (int bad : {0, -1, 257}) {
        pangu::Pool pool;
        CHECK(pool.start(bad) == PANGU_OUT_OF_RANGE);
    }
}

PANGU_TEST(Pool_should_stop_when_it_never_ran) {
    pangu::Pool pool;
    CHECK(pool.start(4) == PANGU_OK);
}
