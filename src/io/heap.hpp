#pragma once

namespace mc::io {

/// Has this process keep the memory that it has freed, 8 MiB at most of each of glibc's heaps. It would give a heap's
/// end back to the kernel with nearly each piece of a copy, 64 KiB, and ask for it again: 129,000 page faults for 1
/// GiB. Before there is another thread (mallopt(3)).
void keep_freed_memory();

}  // namespace mc::io
