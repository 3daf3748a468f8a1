#include "memory.h"

#include <sys/mman.h>

namespace pangu {

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

}  // namespace pangu
