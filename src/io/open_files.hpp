#pragma once

#include <cstdint>

namespace mc::io {

/// Lets this process have as many open files as it may (RLIMIT_NOFILE, the soft limit raised to the hard one), but for
/// a reserve: each connection is one, and the usual 1024 are fewer than a flood of strangers. Once, at the start. Left
/// as it is where the kernel refuses.
void raise_open_files_max();

/// Kept back by raise_open_files_max(), where the hard limit is more than twice as many.
constexpr std::uint64_t open_files_reserve = 64;

/// While it lives, the reserve may be used too: for what must not wait until a flood is over. Make it, open the file,
/// end it: the library's thread takes connections meanwhile. What was taken above the limit counts until it is closed.
///
/// One at a time. Does nothing where there is no reserve.
class OpenFilesReserve {
public:
    OpenFilesReserve();
    ~OpenFilesReserve();
    OpenFilesReserve(const OpenFilesReserve&) = delete;
    OpenFilesReserve& operator=(const OpenFilesReserve&) = delete;

private:
    std::uint64_t usual_max_ = 0;  ///< 0: the limit was not changed
};

}  // namespace mc::io
