#include "io/heap.hpp"

#include <malloc.h>

namespace mc::io {

void keep_freed_memory() {
    constexpr int kept_bytes = 8 << 20;
    ::mallopt(M_TRIM_THRESHOLD, kept_bytes);
}

}  // namespace mc::io
