#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/disk_space.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

/// Amounts as people write and read them.
namespace mc::cli {

/// "512M", "2G", "1.5g", "1048576", "64MiB": bytes, in powers of 1024 (K, M, G, T). Error: invalid_argument.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

/// "90s", "2h", "1d", "1h30m", "250ms"; a bare number is seconds. Error: invalid_argument.
[[nodiscard]] Result<milliseconds> parse_duration(std::string_view text);

/// "2", "0.5", "250m": thousandths of a core, at most three decimals. Error: invalid_argument.
[[nodiscard]] Result<std::uint32_t> parse_cpus(std::string_view text);

/// A whole number from `min` to `max`. Error: invalid_argument.
[[nodiscard]] Result<std::uint64_t> parse_count(std::string_view text, std::uint64_t min, std::uint64_t max);

/// A moment: a duration before `now` ("10m"), seconds since 1970 ("1790000000"), or
/// "2026-11-23T12:00:00Z". Error: invalid_argument.
[[nodiscard]] Result<WallTime> parse_moment(std::string_view text, WallTime now);

/// "512M", "1.5G", "100": the largest unit that shows the amount in at most one decimal.
[[nodiscard]] std::string format_size(std::uint64_t bytes);

/// "3.2G of 8G free".
[[nodiscard]] std::string format_room(const DiskSpace& disk);

/// "2", "0.5".
[[nodiscard]] std::string format_cpus(std::uint64_t milli);

/// An age or a time left as people say it: "45s", "3m", "5h", "2d". Less than nothing is "0s".
[[nodiscard]] std::string format_age(milliseconds age);
/// "3m ago", of so many milliseconds.
[[nodiscard]] std::string format_ago(std::uint64_t ms);

/// "2026-11-23T12:00:00Z".
[[nodiscard]] std::string format_time(WallTime time);
/// "2026-11-23T12:00:00.123Z".
[[nodiscard]] std::string format_time_ms(WallTime time);

}  // namespace mc::cli
