#pragma once

#include <cstdint>

namespace mc {

/// One accepted connection of this process, as the kernel sees it. A core decides which is to end; io/connections.hpp
/// lists and ends them.
struct OpenConnection {
    int descriptor = -1;               ///< may be another connection's once this one has ended
    std::uint64_t cookie = 0;          ///< the kernel's own number of it: never another's
    std::uint64_t received_bytes = 0;  ///< since it was accepted, all that lies around messages included
};

}  // namespace mc
