// Runs every registered test of the program, or those whose name contains the first argument.
#include "check.h"

namespace pangu_test {

namespace {
constexpr int kMaxTests = 128;
const char *names[kMaxTests];
Body bodies[kMaxTests];
int count = 0;
int failures = 0;
const char *current = "";
}  // namespace

Registration::Registration(const char *name, Body body) {
    if (count < kMaxTests) {
        names[count] = name;
        bodies[count++] = body;
    } else {
        failures++;
    }
}

void fail(const char *file, int line, const char *what) {
    // A broken kernel fails thousands of times; the first few say enough.
    if (failures++ < 20) printf("FAILED %s: %s:%d: %s\n", current, file, line, what);
}

}  // namespace pangu_test

#if defined(__SANITIZE_ADDRESS__)
// A refused allocation is null, as it is without the sanitizer: running out of memory is tested.
extern "C" __attribute__((visibility("default"))) const char *__asan_default_options() { return "allocator_may_return_null=1"; }
#endif

int main(int argc, char **argv) {
    using namespace pangu_test;
    int run = 0;
    for (int i = 0; i < count; i++) {
        if (argc > 1 && !strstr(names[i], argv[1])) continue;
        current = names[i];
        bodies[i]();
        run++;
    }
    printf("%d tests, %d failed checks\n", run, failures);
    return failures != 0 || run == 0;
}
