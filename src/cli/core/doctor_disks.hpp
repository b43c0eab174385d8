#pragma once

#include <cstdint>
#include <vector>

#include "base/disk_space.hpp"
#include "cli/core/doctor.hpp"

/// What doctor says about engines and disks. Pure.
namespace mc::cli {

/// A disk of which less is free than either of these.
struct DiskLimit {
    std::uint64_t percent = 0;
    std::uint64_t bytes = 0;
};

namespace doctor {
/// Where an engine keeps images and what VMs write: one image is some 100 MB, what a class installs some GB.
inline constexpr DiskLimit engine_disk_near{10, 2ULL << 30};
inline constexpr DiskLimit engine_disk_full{2, 256ULL << 20};
/// Where a broker keeps its state: 100,000 results and 100,000 events take some 100 MB.
inline constexpr DiskLimit store_disk_near{10, 256ULL << 20};
inline constexpr DiskLimit store_disk_full{2, 32ULL << 20};
}  // namespace doctor

/// Failed under `full`, a warning under `near`, else ok. REQUIRES: its size is known.
[[nodiscard]] CheckState judge(const DiskSpace& disk, const DiskLimit& near, const DiskLimit& full);

/// Appends `store`, where the broker has told of its disk.
void check_store(const DiskSpace& disk, std::vector<Check>& out);

/// Appends `engine` and `disk`: one for each node that is not well, or one for all that are. Of nodes that are silent,
/// and of what a worker does not tell, nothing is said.
void check_engines(const std::vector<protocol::NodeView>& nodes, std::vector<Check>& out);

}  // namespace mc::cli
