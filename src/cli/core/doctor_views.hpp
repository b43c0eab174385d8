#pragma once

#include <string>
#include <vector>

#include "cli/core/doctor.hpp"
#include "cli/core/json_helpers.hpp"
#include "cli/core/text.hpp"

namespace mc::cli {

/// On a terminal what was found is wrapped, with the next step below it; else each check is one line.
[[nodiscard]] std::string text_checks(const std::vector<Check>& checks, const TextStyle& style);
[[nodiscard]] Json json_checks(const std::vector<Check>& checks);

}  // namespace mc::cli
