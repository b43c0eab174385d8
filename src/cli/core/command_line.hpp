#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/core/verbs.hpp"

namespace mc::cli {

/// A command line taken apart, before any value is looked at.
struct CommandLine {
    const VerbSpec* verb = nullptr;     ///< nullptr: none was given
    std::vector<std::string> options;   ///< each "--name" or "--name=value", in order; for io/options.hpp
    std::vector<std::string> operands;  ///< VM names, ids
    std::vector<std::string> command;   ///< of exec and ssh, exactly as given
};

/// Takes `args` (without the program's name) apart by the verb table. Options may
/// stand before or after the verb, `-it` is `-i -t`, `-n3` is `-n 3`, and what follows
/// the last operand of a verb that takes a command (or `--`) belongs to the command.
/// The number of operands is checked only where --help was not asked for.
/// Error: usage, with the nearest verb or option when there is one.
[[nodiscard]] Result<CommandLine> split_command_line(std::span<const std::string> args);

/// The values of options from all sources, by their long names. A flag that was
/// given has the value "true".
class Settings {
public:
    using Values = std::map<std::string, std::vector<std::string>, std::less<>>;

    Settings() = default;
    using Origins = std::map<std::string, std::string, std::less<>>;

    explicit Settings(Values values, Origins origins = {}) : values_(std::move(values)), origins_(std::move(origins)) {}

    /// The last one given; nullopt when none was.
    [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
    [[nodiscard]] bool flag(std::string_view name) const;
    /// Where its value is from: "--broker", "MC_BROKER", "FILE:LINE"; "" = none was given.
    [[nodiscard]] std::string origin(std::string_view name) const;

private:
    Values values_;
    Origins origins_;
};

}  // namespace mc::cli
