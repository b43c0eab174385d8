#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Text for a terminal.
namespace mc::cli {

/// Columns that UTF-8 `text` takes: one per code point, which holds for all that
/// minicloud prints itself; foreign text may be off by its wide characters.
[[nodiscard]] std::size_t columns_of(std::string_view text);

/// `text` in at most `columns`, with "…" at its end when it was longer. Never cuts inside a code point.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t columns);

/// `text` with control characters made '?', so that what a peer or an image said
/// can't move the cursor or recolour a person's terminal.
[[nodiscard]] std::string printable(std::string_view text);

/// Lines of at most `columns`, broken at spaces; a longer word has a line of its own.
[[nodiscard]] std::vector<std::string> wrap(std::string_view text, std::size_t columns);

/// Parts separated by an empty line.
[[nodiscard]] std::vector<std::string_view> paragraphs(std::string_view text);

/// Without spaces, tabs and carriage returns at its ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

[[nodiscard]] constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// As a shell takes it literally: quoted only where needed.
[[nodiscard]] std::string shell_quoted(std::string_view word);

enum class Colour { plain, green, yellow, red, dim, bold };
/// `text` between the escape sequences of `colour`; unchanged when plain or not `enabled`.
[[nodiscard]] std::string coloured(std::string_view text, Colour colour, bool enabled);

/// How output is to look, decided by the shell: a terminal or not, NO_COLOR, width.
struct TextStyle {
    std::size_t columns = 0;  ///< 0 = no limit (not a terminal)
    bool colours = false;
    bool wide = false;  ///< also what is mostly of no interest
};

}  // namespace mc::cli
