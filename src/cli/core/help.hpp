#pragma once

#include <cstddef>
#include <string>

#include "cli/core/verbs.hpp"

/// The verb table as text for people. Pure; every text ends with a line break.
namespace mc::cli {

/// `mccli --help`. `columns` is the width to fit.
[[nodiscard]] std::string help_overview(std::size_t columns);
/// `mccli VERB --help`.
[[nodiscard]] std::string help_verb(const VerbSpec& verb, std::size_t columns);
/// docs/cli.md (`mccli help --markdown`).
[[nodiscard]] std::string help_markdown();
/// docs/man/mccli.1 (`mccli help --man`), in man(7) macros.
[[nodiscard]] std::string help_man(std::string_view version);

/// "mccli create [OPTION...] [NAME]".
[[nodiscard]] std::string usage_line(const VerbSpec& verb);

/// The environment variable of an option: "MC_BROKER", "MC_CREATE_IMAGE". `verb` is nullptr for a common option.
[[nodiscard]] std::string environment_name(const VerbSpec* verb, const OptionSpec& option);
/// Its key in the ini file: "broker", "create-image".
[[nodiscard]] std::string ini_name(const VerbSpec* verb, const OptionSpec& option);

struct ExitCodeText {
    int code;
    std::string_view meaning;
};
/// For the help, in order. Static storage.
[[nodiscard]] const std::vector<ExitCodeText>& exit_code_texts();

}  // namespace mc::cli
