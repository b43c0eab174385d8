#include "io/heap.hpp"

#include <malloc.h>

namespace mc::io {

void keep_freed_memory() {
    constexpr int kept_bytes = 8 << 20;
    constexpr int mapped_bytes_min = 1 << 20;  // said, because glibc no longer adapts it once the other is
    ::mallopt(M_TRIM_THRESHOLD, kept_bytes);
    ::mallopt(M_MMAP_THRESHOLD, mapped_bytes_min);
}

}  // namespace mc::io
