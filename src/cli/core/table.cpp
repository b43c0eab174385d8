#include "cli/core/table.hpp"

#include <algorithm>
#include <numeric>

#include "base/assert.hpp"

namespace mc::cli {
namespace {

struct Shown {
    std::size_t index;
    std::size_t width;
};

std::size_t total(const std::vector<Shown>& shown) {
    const auto widths = std::accumulate(shown.begin(), shown.end(), std::size_t{0},
                                        [](std::size_t n, const Shown& s) { return n + s.width; });
    return shown.empty() ? 0 : widths + column_gap * (shown.size() - 1);
}

/// Takes columns of text from the widest that may lose some. False when none may.
bool shorten_one(std::vector<Shown>& shown, const std::vector<Column>& columns) {
    Shown* widest = nullptr;
    for (auto& s : shown) {
        const std::size_t least = columns[s.index].columns_min;
        if (least == 0 || s.width <= least) continue;
        if (widest == nullptr || s.width > widest->width) widest = &s;
    }
    if (widest == nullptr) return false;
    --widest->width;
    return true;
}

void fit(std::vector<Shown>& shown, const std::vector<Column>& columns, std::size_t width_max) {
    while (total(shown) > width_max && shown.size() > 1) {
        // Try to shorten everything; only if that is not enough leave a column out and begin anew.
        std::vector<Shown> trial = shown;
        while (total(trial) > width_max && shorten_one(trial, columns)) {
        }
        if (total(trial) <= width_max) {
            shown = std::move(trial);
            return;
        }
        auto least = shown.begin();
        for (auto it = shown.begin(); it != shown.end(); ++it) {
            if (columns[it->index].keep <= columns[least->index].keep) least = it;
        }
        shown.erase(least);
    }
}

std::string padded(const std::string& text, std::size_t width, bool right) {
    const std::size_t have = columns_of(text);
    const std::string space(width > have ? width - have : 0, ' ');
    return right ? space + text : text + space;
}

std::string line_of(const std::vector<Shown>& shown, const std::vector<Column>& columns, const std::vector<Cell>& cells,
                    bool colours) {
    std::string line;
    for (std::size_t i = 0; i < shown.size(); ++i) {
        const Shown& s = shown[i];
        const std::string text = shortened(printable(cells[s.index].text), s.width);
        const bool last = i + 1 == shown.size();
        const std::string placed = padded(text, last && !columns[s.index].right ? 0 : s.width, columns[s.index].right);
        line += coloured(placed, cells[s.index].colour, colours);
        if (!last) line += std::string(column_gap, ' ');
    }
    while (line.ends_with(' ')) line.pop_back();
    return line + "\n";
}

}  // namespace

std::string layout_table(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows,
                         const TextStyle& style) {
    std::vector<Shown> shown;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        std::size_t width = 0;
        for (const auto& row : rows) {
            MC_ASSERT(row.size() == columns.size());
            width = std::max(width, columns_of(printable(row[i].text)));
        }
        // A column in which nobody has anything to say is not shown.
        if (width > 0 || rows.empty()) shown.push_back({i, std::max(width, columns_of(columns[i].title))});
    }
    if (style.columns != 0) fit(shown, columns, style.columns);
    std::vector<Cell> titles;
    for (const auto& column : columns) titles.push_back({column.title, Colour::dim});
    std::string out = line_of(shown, columns, titles, style.colours);
    for (const auto& row : rows) out += line_of(shown, columns, row, style.colours);
    return out;
}

std::string layout_fields(const std::vector<std::pair<std::string, Cell>>& fields, const TextStyle& style) {
    std::size_t width = 0;
    for (const auto& [key, cell] : fields) {
        if (!cell.text.empty()) width = std::max(width, columns_of(key));
    }
    std::string out;
    for (const auto& [key, cell] : fields) {
        if (cell.text.empty()) continue;
        out += padded(key + ":", width + 1 + column_gap, false) +
               coloured(printable(cell.text), cell.colour, style.colours) + "\n";
    }
    return out;
}

}  // namespace mc::cli
