#pragma once

#include <filesystem>

#include "base/disk_space.hpp"
#include "base/time.hpp"

namespace mc::io {

/// Of the file system that `directory` is on. Nothing is known of what is no directory of this machine, or can't be
/// looked at.
[[nodiscard]] DiskSpace disk_space(const std::filesystem::path& directory);

/// disk_space() of one directory, for every turn of a loop: looked at anew every `interval` only.
class DiskWatch {
public:
    static constexpr seconds interval{5};

    [[nodiscard]] DiskSpace look(Instant now, const std::filesystem::path& directory);

private:
    std::filesystem::path directory_;
    Instant next_look_;
    DiskSpace last_;
};

}  // namespace mc::io
