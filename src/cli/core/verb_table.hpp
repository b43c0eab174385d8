#pragma once

#include <vector>

#include "cli/core/verbs.hpp"

/// The rows of verbs.hpp's table, by subject. Use verbs().
namespace mc::cli {

[[nodiscard]] std::vector<VerbSpec> vm_verbs();      ///< verb_table_vms.cpp
[[nodiscard]] std::vector<VerbSpec> inside_verbs();  ///< verb_table_inside.cpp
[[nodiscard]] std::vector<VerbSpec> cloud_verbs();   ///< verb_table_cloud.cpp

/// The same sentence wherever a verb waits for its reply.
inline constexpr std::string_view timeout_help = "how long to wait for the outcome (default 120s, at most 1h)";

}  // namespace mc::cli
