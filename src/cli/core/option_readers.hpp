#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "cli/core/command_line.hpp"

/// What the read_… functions of commands.hpp and key_commands.hpp have in common. Use those.
namespace mc::cli {

/// "--memory: …" before the sentence, so that a person sees which option it is about.
template <class T>
[[nodiscard]] Result<T> about(std::string_view option, Result<T> result) {
    if (result) return result;
    return fail(result.error().code, "--" + std::string(option) + ": " + result.error().message);
}

/// Parses the option with `parse` into `target` when it was given.
template <class T, class Parse>
[[nodiscard]] Result<void> take(const Settings& settings, std::string_view name, T& target, Parse parse) {
    const auto text = settings.get(name);
    if (!text) return {};
    auto value = about(name, parse(*text));
    if (!value) return fail(value.error());
    target = static_cast<T>(*value);
    return {};
}

/// The first error of several checks that have no result.
[[nodiscard]] Result<void> first_error(std::initializer_list<Result<void>> results);

/// A duration in whole seconds. Error: invalid_argument.
[[nodiscard]] Result<std::uint64_t> parse_seconds(std::string_view text, seconds least, seconds most);

/// --timeout, from 1 s to an hour. Error: invalid_argument.
[[nodiscard]] Result<void> take_timeout(const Settings& settings, milliseconds& timeout);
[[nodiscard]] Result<void> take_timeout(const Settings& settings, std::optional<milliseconds>& timeout);

/// Checked; a name given twice counts once. `what` begins the sentence, e.g. "node name". Error: invalid_argument.
[[nodiscard]] Result<std::vector<std::string>> distinct_names(std::string_view what,
                                                              std::span<const std::string> operands);
/// The same for what names VMs: names, OWNER/NAME, ids.
[[nodiscard]] Result<std::vector<std::string>> distinct_targets(std::span<const std::string> operands);

}  // namespace mc::cli
