#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace mc::io {

struct TarEntry {
    std::string path{};  ///< relative, e.g. "root/.ssh/authorized_keys"
    std::uint32_t mode = 0644;
    std::string content{};
    bool is_directory = false;

    bool operator==(const TarEntry&) const = default;
};

/// A small archive in memory (ustar, owner root, a fixed time so that equal
/// entries give equal bytes), for PUT /containers/ID/archive.
/// Errors: invalid_argument (empty or absolute path, or one with ".."), internal (the library's words).
[[nodiscard]] Result<std::string> pack_tar(std::span<const TarEntry> entries);

/// Files and directories of an archive, as GET /containers/ID/archive gives it. Other kinds are
/// left out. Paths come as they are: never join them to a path of this machine.
/// Errors: bad_message (not a tar archive, cut off), too_large (content over bytes_max in all, or over 1000 entries).
[[nodiscard]] Result<std::vector<TarEntry>> unpack_tar(std::string_view archive, std::size_t bytes_max);

}  // namespace mc::io
