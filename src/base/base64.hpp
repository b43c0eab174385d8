#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mc {

/// `bytes` in the URL-safe alphabet of RFC 4648, section 5, without padding: one word for a shell.
[[nodiscard]] std::string to_base64url(std::string_view bytes);
/// nullopt unless `text` is exactly that, of at most `bytes_max` bytes.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text, std::size_t bytes_max);

}  // namespace mc
