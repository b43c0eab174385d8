#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/core/text.hpp"

namespace mc::cli {

struct Column {
    std::string title;
    bool right = false;           ///< numbers: aligned to the right
    std::size_t keep = 0;         ///< the lowest are left out first when it is too narrow; equal: the rightmost first
    std::size_t columns_min = 0;  ///< may be shortened down to this; 0 = never shortened
};

/// Between columns.
inline constexpr std::size_t column_gap = 2;

struct Cell {
    std::string text;
    Colour colour = Colour::plain;
};

/// Rows under titles, aligned, two spaces between columns, no trailing spaces.
///
/// Where `style.columns` does not suffice, columns that may be shortened are,
/// from the widest; then the least important ones are left out. A name is never
/// cut: it is what people copy. Every cell is made printable().
[[nodiscard]] std::string layout_table(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows,
                                       const TextStyle& style);

/// "key:  value" lines, keys aligned; rows with an empty value are left out.
[[nodiscard]] std::string layout_fields(const std::vector<std::pair<std::string, Cell>>& fields,
                                        const TextStyle& style);

}  // namespace mc::cli
