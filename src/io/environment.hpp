#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mc::io {

/// How environment variables are looked up; tests pass their own.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// The process's own. A variable that is set to nothing counts as not set.
[[nodiscard]] Environment process_environment();

}  // namespace mc::io
