#include "cli/core/doctor_views.hpp"

#include <algorithm>

#include "cli/core/table.hpp"

namespace mc::cli {
namespace {

constexpr std::size_t text_columns_min = 24;   // narrower than that is left to the terminal to break
constexpr std::size_t state_columns = 9;       // "not asked"
constexpr std::string_view next_mark = "-> ";  // what to do

std::string title_of(const Check& check) {
    std::string title(check.check);
    std::replace(title.begin(), title.end(), '_', ' ');
    return check.target.empty() ? title : title + " " + check.target;
}

Cell cell_of(CheckState state) {
    switch (state) {
        case CheckState::ok:
            return {"ok", Colour::green};
        case CheckState::warning:
            return {"warning", Colour::yellow};
        case CheckState::failed:
            return {"failed", Colour::red};
        case CheckState::not_asked:
            return {"not asked", Colour::dim};
    }
    return {"failed", Colour::red};
}

using Rows = std::vector<std::vector<Cell>>;

/// As many rows as `text` takes, the first of them beside `title` and `state`.
void add_wrapped(Rows& rows, std::string title, Cell state, const std::string& text, std::size_t columns) {
    for (auto& line : wrap(printable(text), columns)) {
        rows.push_back({{std::move(title)}, std::move(state), {std::move(line)}});
        title.clear();
        state = {""};
    }
}

std::string for_terminal(const std::vector<Check>& checks, const TextStyle& style) {
    std::size_t left = 0;
    for (const auto& check : checks) left = std::max(left, columns_of(title_of(check)));
    left += column_gap + state_columns + column_gap;
    const std::size_t columns = std::max(style.columns > left ? style.columns - left : 0, text_columns_min);
    Rows rows;
    for (const auto& check : checks) {
        add_wrapped(rows, title_of(check), cell_of(check.state), check.found, columns);
        if (!check.next.empty()) add_wrapped(rows, "", {""}, std::string(next_mark) + check.next, columns);
    }
    TextStyle uncut = style;
    uncut.columns = 0;
    return layout_table({{"CHECK"}, {"STATE"}, {"FOUND, -> NEXT STEP"}}, rows, uncut);
}

}  // namespace

std::string text_checks(const std::vector<Check>& checks, const TextStyle& style) {
    if (style.columns != 0) return for_terminal(checks, style);
    Rows rows;
    for (const auto& check : checks) {
        rows.push_back({{title_of(check)}, cell_of(check.state), {check.found}, {check.next}});
    }
    return layout_table({{"CHECK"}, {"STATE"}, {"FOUND"}, {"NEXT STEP"}}, rows, style);
}

Json json_checks(const std::vector<Check>& checks) {
    Json out = Json::array();
    for (const auto& check : checks) {
        Json one;
        one["check"] = std::string(check.check);
        one["target"] = text_or_null(check.target);
        one["state"] = std::string(name_of(check.state));
        one["found"] = check.found;
        one["next"] = text_or_null(check.next);
        out.push_back(std::move(one));
    }
    return out;
}

}  // namespace mc::cli
