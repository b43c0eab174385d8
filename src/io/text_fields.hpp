#pragma once

#include <optional>
#include <string_view>

namespace mc::io {

/// The value of the first line `name=value` of a text; lines that begin with `#` are comments. It points
/// into the text.
[[nodiscard]] inline std::optional<std::string_view> field_of(std::string_view text, std::string_view name) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=') {
            return line.substr(name.size() + 1);
        }
    }
    return std::nullopt;
}

}  // namespace mc::io
