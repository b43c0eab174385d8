#pragma once

#include <vector>

#include "cli/core/verbs.hpp"

/// The rows of verbs.hpp's table, by subject. Use verbs().
namespace mc::cli {

[[nodiscard]] std::vector<VerbSpec> vm_verbs();      ///< verb_table_vms.cpp
[[nodiscard]] std::vector<VerbSpec> file_verbs();    ///< verb_table_files.cpp
[[nodiscard]] std::vector<VerbSpec> inside_verbs();  ///< verb_table_inside.cpp
[[nodiscard]] std::vector<VerbSpec> cloud_verbs();   ///< verb_table_cloud.cpp
[[nodiscard]] std::vector<VerbSpec> key_verbs();     ///< verb_table_keys.cpp
[[nodiscard]] std::vector<VerbSpec> more_verbs();    ///< verb_table_cloud.cpp

inline constexpr std::size_t names_max = 1000;  ///< limits::batch_max, in one request

/// A verb about several VMs, nodes or keys, named one after the other; its group is the caller's to set.
[[nodiscard]] VerbSpec batch_verb(VerbId id, std::string_view name, std::string_view operands, std::string_view summary,
                                  std::string_view description, std::vector<OptionSpec> options,
                                  std::vector<Example> examples);

/// The same sentence wherever a verb waits for its reply.
inline constexpr std::string_view timeout_help = "how long to wait for the outcome (default 120s, at most 1h)";
inline constexpr std::string_view create_timeout_help =
    "how long to wait for the outcome (default 120s, and 10s more for each further VM; at most 1h)";

/// -l, the same wherever VMs are chosen by their labels.
inline constexpr OptionSpec selector_option{
    "selector", 'l', "SELECTOR", "only VMs whose labels fit: key=value, key!=value, key or !key, with commas", true};

/// -f, the same wherever a file says which VMs.
inline constexpr OptionSpec file_option{"file", 'f', "FILE", "the file of VMs (docs/vm-files.md); - is stdin"};

}  // namespace mc::cli
