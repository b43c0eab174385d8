#pragma once

namespace mc::io {

/// Has this process keep the memory that it has freed, 8 MiB at most. glibc would give the end of its heap back to the
/// kernel with nearly each piece of a copy, 64 KiB, and ask for it again: 129,000 page faults for 1 GiB (mallopt(3)).
/// Any thread.
void keep_freed_memory();

}  // namespace mc::io
