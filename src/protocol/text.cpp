#include "protocol/text.hpp"

#include <cstdint>

namespace mc::protocol {
namespace {

/// Bytes of the well-formed character at the start of `text`; 0 when there is none.
std::size_t character_bytes(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = at(0);
    if (lead < 0x80) return 1;
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((at(i) & 0xC0) != 0x80) return 0;
    }
    // Overlong forms, surrogates, and what is over U+10FFFF (RFC 3629, section 4).
    if (lead == 0xE0 && at(1) < 0xA0) return 0;
    if (lead == 0xED && at(1) > 0x9F) return 0;
    if (lead == 0xF0 && at(1) < 0x90) return 0;
    if (lead == 0xF4 && at(1) > 0x8F) return 0;
    return size;
}

}  // namespace

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t size = character_bytes(text);
        if (size == 0) return false;
        text.remove_prefix(size);
    }
    return true;
}

std::string to_utf8(std::string_view text, std::size_t bytes_max) {
    constexpr std::string_view replacement = "\xEF\xBF\xBD";
    std::string out;
    while (!text.empty()) {
        const std::size_t size = character_bytes(text);
        const std::string_view piece = size == 0 ? replacement : text.substr(0, size);
        if (out.size() + piece.size() > bytes_max) break;
        out += piece;
        text.remove_prefix(size == 0 ? 1 : size);
    }
    return out;
}

}  // namespace mc::protocol
