#pragma once

namespace mc::io {

/// Lets this process have as many open files as it may (RLIMIT_NOFILE, the soft limit raised to the hard one): each
/// connection is one, and the usual 1024 are fewer than a flood of strangers. Once, at the start. Left as it is where
/// the kernel refuses.
void raise_open_files_max();

}  // namespace mc::io
