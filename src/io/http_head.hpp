#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

/// The little of HTTP/1.1 that a hijacked connection needs. For io/ alone.
namespace mc::io {

struct HttpHead {
    int status = 0;
    std::optional<std::size_t> content_length;
    bool chunked = false;
    std::size_t bytes = 0;  ///< of the head, its empty line included
};

inline constexpr std::size_t http_head_bytes_max = 64 * 1024;

/// The response head at the beginning of `bytes`; nullopt while it is incomplete.
/// Errors: engine_failed (not HTTP, or longer than http_head_bytes_max).
[[nodiscard]] Result<std::optional<HttpHead>> parse_http_head(std::string_view bytes);

/// The sentence in the engine's error body ({"message":"…"}), else the body itself, cut to 500 bytes, one line.
[[nodiscard]] std::string engine_message(std::string_view body);

}  // namespace mc::io
