// Buffers allocated when a handle is opened: zeroed pages from the operating system, 64-byte aligned, given back on close.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pangu {

// Behind every buffer, for kernels that read a whole register. Sanitizers see everything behind the last element.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kSlackBytes = 1;  // an allocation of nothing is something, too
#else
constexpr size_t kSlackBytes = 64;
#endif

template <class T> class Buffer {
public:
    Buffer() = default;
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;
    ~Buffer();

    // False when there is no memory; `count` 0 is allowed.
    bool allocate(int64_t count);

    T *data() const { return data_; }
    T &operator[](int64_t i) const { return data_[i]; }
    int64_t size() const { return count_; }

private:
    T *data_ = nullptr;
    int64_t count_ = 0;
    size_t mapped_ = 0;
};

void *map_pages(size_t bytes);
void unmap_pages(void *pages, size_t bytes);

template <class T> Buffer<T>::~Buffer() {
    if (data_) unmap_pages(data_, mapped_);
}

template <class T> bool Buffer<T>::allocate(int64_t count) {
    if (count < 0 || count > (int64_t)(INT64_MAX / 2 / sizeof(T))) return false;
    size_t bytes = (size_t)count * sizeof(T) + kSlackBytes;
    void *pages = map_pages(bytes);
    if (!pages) return false;
    data_ = (T *)pages;
    count_ = count;
    mapped_ = bytes;
    return true;
}

}  // namespace pangu
