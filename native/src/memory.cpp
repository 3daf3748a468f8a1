#include "memory.h"

#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <cstdlib>
#include <cstring>
#endif

namespace pangu {

#if defined(__SANITIZE_ADDRESS__)

// From the heap, between poisoned zones: the sanitizer sees no overflow of mapped pages.
void *map_pages(size_t bytes) {
    void *memory = nullptr;
    if (posix_memalign(&memory, 64, bytes) != 0) return nullptr;
    return memset(memory, 0, bytes);
}

void unmap_pages(void *memory, size_t) { free(memory); }

#else

namespace {
constexpr size_t kHugePage = 2u << 20;
}

void *map_pages(size_t bytes) {
    void *pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return nullptr;
    if (bytes >= kHugePage) madvise(pages, bytes, MADV_HUGEPAGE);  // a hint; refusal changes nothing
    return pages;
}

void unmap_pages(void *pages, size_t bytes) { munmap(pages, bytes); }

#endif

}  // namespace pangu
