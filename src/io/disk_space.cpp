#include "io/disk_space.hpp"

#include <system_error>

namespace mc::io {

DiskSpace disk_space(const std::filesystem::path& directory) {
    std::error_code error;
    if (!std::filesystem::is_directory(directory, error)) return {};
    const auto space = std::filesystem::space(directory, error);
    // Of a file system that knows no size (such as /proc) nothing can be said.
    return error ? DiskSpace() : DiskSpace{space.available, space.capacity};
}

DiskSpace DiskWatch::look(Instant now, const std::filesystem::path& directory) {
    if (now < next_look_ && directory == directory_) return last_;
    next_look_ = now + interval;
    directory_ = directory;
    last_ = disk_space(directory);
    return last_;
}

}  // namespace mc::io
