#include "protocol/text.hpp"

#include <cstdint>
#include <cstring>

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

/// How many bytes of ASCII `text` begins with, in whole words of 8: what nearly all texts are, at an eighth of the
/// looks.
std::size_t ascii_bytes(std::string_view text) {
    constexpr std::uint64_t high_bits = 0x8080808080808080;
    std::size_t done = 0;
    for (std::uint64_t word = 0; text.size() - done >= sizeof word; done += sizeof word) {
        std::memcpy(&word, text.data() + done, sizeof word);
        if ((word & high_bits) != 0) break;
    }
    return done;
}

}  // namespace

bool is_utf8(std::string_view text) {
    while (true) {
        text.remove_prefix(ascii_bytes(text));
        if (text.empty()) return true;
        const std::size_t size = character_bytes(text);
        if (size == 0) return false;
        text.remove_prefix(size);
    }
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
