#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/core/command_line.hpp"
#include "cli/core/output.hpp"

/// `mccli config`: what the options are set to, and the ini file that keeps some of them. Pure.
namespace mc::cli {

/// An option as the ini file has it: "create-image" is --image of create.
struct ConfigKey {
    std::string name;
    const VerbSpec* verb = nullptr;  ///< nullptr = an option of every verb
    const OptionSpec* option = nullptr;
};

/// Every option that the file may have, common ones first.
[[nodiscard]] std::vector<ConfigKey> config_keys();

/// Error: usage, with the nearest name when there is one.
[[nodiscard]] Result<ConfigKey> config_key(std::string_view name);

/// Whether `value` can stand in the file and the option takes it, as far as that can be told without its verb's other
/// options. Errors: usage, invalid_argument.
[[nodiscard]] Result<void> check_config(const ConfigKey& key, const std::string& value);

/// The file's text with `name = value`, instead of the lines that gave `name` before; all other lines are as they were.
[[nodiscard]] std::string ini_with(std::string_view text, std::string_view name, std::string_view value);

/// The file's text without the lines that give `name`; nullopt when there are none.
[[nodiscard]] std::optional<std::string> ini_without(std::string_view text, std::string_view name);

/// One option and what it is set to.
struct ConfigRow {
    std::string name;
    std::string value;  ///< of several, with commas; "" = it is not set
    std::string from;   ///< "--broker", "MC_BROKER", "FILE:LINE"
    std::string_view help;
};

/// `settings` has the options of all verbs by their names in the file. `all`: also those that are not set.
[[nodiscard]] std::vector<ConfigRow> config_rows(const Settings& settings, bool all);

/// Refers to `rows`.
[[nodiscard]] View view_config(const std::vector<ConfigRow>& rows);

}  // namespace mc::cli
