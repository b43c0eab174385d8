#pragma once

#include <cstdint>

namespace mc {

/// Of the file system that something is kept on.
struct DiskSpace {
    std::uint64_t free_bytes = 0;  ///< without what only root may fill
    std::uint64_t bytes = 0;       ///< of all of it; 0 = not known, and `free_bytes` says nothing

    bool operator==(const DiskSpace&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.free_bytes);
        archive(self.bytes);
    }
};

}  // namespace mc
