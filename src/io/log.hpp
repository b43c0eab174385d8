#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

/// The log of a program: stderr, one line each, with UTC time and level. Never a
/// password, key or token. Control characters (a peer's words may hold some) are shown as '?'.
namespace mc::io {

enum class LogLevel { trace, debug, info, warn, error, off };

/// Errors: usage (not one of trace, debug, info, warn, error, off).
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view text);

/// Call once in main, before the first line. Without it: level info, no program name.
void setup_log(const std::string& program, LogLevel level);

void log_trace(std::string_view line);
void log_debug(std::string_view line);
void log_info(std::string_view line);
void log_warn(std::string_view line);
void log_error(std::string_view line);

/// For lines that cost something to make.
[[nodiscard]] bool log_enabled(LogLevel level);

}  // namespace mc::io
