#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace mc::io {

/// The system's words for an errno, e.g. "Connection refused". Safe in any thread.
[[nodiscard]] inline std::string errno_text(int error) {
    return std::generic_category().message(error);
}

}  // namespace mc::io
