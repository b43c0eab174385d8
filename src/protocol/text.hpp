#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Strings on the wire are UTF-8. docs/protocol.md "Values".
namespace mc::protocol {

/// True when `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
[[nodiscard]] bool is_utf8(std::string_view text);

/// `text` with each ill-formed byte replaced by U+FFFD, cut after the last whole
/// character that fits into `bytes_max`. For sentences that quote what an engine
/// or a program said.
[[nodiscard]] std::string to_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace mc::protocol
