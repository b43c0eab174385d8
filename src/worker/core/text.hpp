#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"

/// Small pure helpers for text from the engine.
namespace mc::worker {

/// Percent-encodes everything but A-Z a-z 0-9 - . _ ~ (RFC 3986 "unreserved").
[[nodiscard]] std::string url_encode(std::string_view text);

/// `text` as valid UTF-8 without control characters other than spaces, at most
/// `bytes_max` long, whole characters only: fit for a sentence and for msgpack.
[[nodiscard]] std::string to_sentence(std::string_view text, std::size_t bytes_max);

/// Docker's times, e.g. "2026-11-23T23:31:08.576661479Z"; zero for its "0001-01-01…" and for what can't be read.
[[nodiscard]] WallTime parse_time(std::string_view rfc3339);

/// FNV-1a, 64 bit: to compare, not to protect.
[[nodiscard]] std::uint64_t fingerprint(std::string_view bytes);

}  // namespace mc::worker
