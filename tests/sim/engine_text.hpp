#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/engine.hpp"

/// What an engine says, as text (Engine API v1.41), and what it reads.
namespace mc::sim {

[[nodiscard]] std::string url_decoded(const std::string& text);
/// The value of `name` in a query; "" when it is not there.
[[nodiscard]] std::string value_of(const std::string& query, const std::string& name);
/// The label pairs of a list's or of events' filters.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> label_filter(const std::string& query);

[[nodiscard]] worker::EngineResponse trouble(int status, const std::string& message);
[[nodiscard]] worker::EngineResponse image_text(const std::string& image);
[[nodiscard]] std::string list_entry(const Container& container);
[[nodiscard]] std::string inspect_text(const Container& container);
inline constexpr std::int64_t usage_cpu_milli = 500;
inline constexpr std::uint64_t usage_memory_bytes = 3072;
/// What it has used at `unix_ms`: its simulated VM always burns half a core.
[[nodiscard]] std::string usage_text(const Container& container, std::int64_t unix_ms);
/// One frame of an attach stream, on standard output.
[[nodiscard]] std::string attach_frame(const std::string& text);

}  // namespace mc::sim
