#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace mc::cli {

/// The names that a pattern stands for, in its order: `{1..30}` counts (down too), `{01..30}` with leading zeros,
/// `{a,b}` lists, several braces multiply, the last the fastest; a word without braces is itself. At most
/// limits::batch_max names. Braces don't nest.
/// Errors: invalid_argument (braces that don't close or nest, nothing in them, too many names).
[[nodiscard]] Result<std::vector<std::string>> expand_names(std::string_view pattern);

}  // namespace mc::cli
