#include "cli/core/config_file.hpp"

#include <algorithm>

#include "cli/core/commands.hpp"
#include "cli/core/help.hpp"
#include "cli/core/suggest.hpp"
#include "cli/core/table.hpp"
#include "cli/core/text.hpp"

namespace mc::cli {
namespace {

/// The name that a line of the file gives a value; "" for a comment.
std::string_view name_in(std::string_view line) {
    line = line.substr(0, line.find('#'));
    const auto equals = line.find('=');
    return equals == std::string_view::npos ? std::string_view{} : trimmed(line.substr(0, equals));
}

struct Edited {
    std::string text;
    bool found = false;
};

/// `text` with `line` where `name` was first given a value, and without the other lines that do. "" = no line instead.
Edited edited(std::string_view text, std::string_view name, std::string_view line) {
    Edited out;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto one = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (name_in(one) != name) {
            out.text.append(one).append("\n");
            continue;
        }
        if (!out.found && !line.empty()) out.text.append(line).append("\n");
        out.found = true;
    }
    return out;
}

Json json_config(const std::vector<ConfigRow>& rows) {
    Json out = Json::array();
    for (const auto& row : rows) {
        Json one;
        one["name"] = row.name;
        one["value"] = text_or_null(row.value);
        one["from"] = text_or_null(row.from);
        one["meaning"] = std::string(row.help);
        out.push_back(std::move(one));
    }
    return out;
}

std::string text_config(const std::vector<ConfigRow>& rows, const TextStyle& style) {
    if (rows.empty()) return "";
    std::vector<std::vector<Cell>> cells;
    for (const auto& row : rows) {
        cells.push_back({{row.name, Colour::bold},
                         {row.value.empty() ? "-" : row.value},
                         {row.from},
                         {std::string(row.help), Colour::dim}});
    }
    return layout_table({{"NAME", false, 10}, {"VALUE", false, 9}, {"FROM", false, 8}, {"MEANING", false, 5, 20}},
                        cells, style);
}

}  // namespace

std::vector<ConfigKey> config_keys() {
    std::vector<ConfigKey> keys;
    const auto add = [&](const VerbSpec* verb, const std::vector<OptionSpec>& options) {
        for (const auto& option : options) {
            const bool not_in_a_file = option.name == "help" || option.name == "version" || option.name == "config";
            if (option.hidden || (verb == nullptr && not_in_a_file)) continue;
            keys.push_back({ini_name(verb, option), verb, &option});
        }
    };
    add(nullptr, common_options());
    for (const auto& verb : verbs()) {
        if (!verb.hidden) add(&verb, verb.options);
    }
    return keys;
}

Result<ConfigKey> config_key(std::string_view name) {
    const auto keys = config_keys();
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const ConfigKey& key) { return key.name == name; });
    if (found != keys.end()) return *found;
    std::vector<std::string> names;
    for (const auto& key : keys) names.push_back(key.name);
    const auto near = nearest(name, names);
    return fail(ErrorCode::usage, "there is no option \"" + std::string(name) + "\"" +
                                      (near ? "; did you mean " + *near + "?" : "; see: mccli config --all"));
}

Result<void> check_config(const ConfigKey& key, const std::string& value) {
    if (value.empty()) return fail(ErrorCode::usage, key.name + " needs a value; to take it back: mccli config unset");
    if (value.find_first_of("#\n\r") != std::string::npos || trimmed(value).size() != value.size()) {
        return fail(ErrorCode::invalid_argument,
                    key.name +
                        ": a value in the file has no # (a comment begins there), no line break and no blanks "
                        "around it; it can be given as $MC_… or as an option");
    }
    if (key.option->is_flag()) {
        if (value == "true" || value == "false") return {};
        return fail(ErrorCode::usage, key.name + " is true or false, not \"" + value + "\"");
    }
    const Settings alone(Settings::Values{{std::string(key.option->name), {value}}});
    if (key.verb == nullptr) {
        const auto read = read_common(alone);
        return read ? Result<void>{} : fail(read.error());
    }
    if (key.verb->id == VerbId::create) {
        const auto read = read_create(alone, {});
        return read ? Result<void>{} : fail(read.error());
    }
    return {};
}

std::string ini_with(std::string_view text, std::string_view name, std::string_view value) {
    const std::string line = std::string(name) + " = " + std::string(value);
    auto out = edited(text, name, line);
    return out.found ? std::move(out.text) : out.text + line + "\n";
}

std::optional<std::string> ini_without(std::string_view text, std::string_view name) {
    auto out = edited(text, name, "");
    if (!out.found) return std::nullopt;
    return std::move(out.text);
}

std::vector<ConfigRow> config_rows(const Settings& settings, bool all) {
    std::vector<ConfigRow> rows;
    for (const auto& key : config_keys()) {
        std::string value;
        for (const auto& one : settings.all(key.name)) value += (value.empty() ? "" : ",") + one;
        if (value.empty() && !all) continue;
        rows.push_back({key.name, value, settings.origin(key.name), key.option->help});
    }
    return rows;
}

View view_config(const std::vector<ConfigRow>& rows) {
    return {.json = [&rows] { return json_config(rows); },
            .text = [&rows](const TextStyle& style) { return text_config(rows, style); },
            .objects = {"setting"},
            .none = "nothing is set; see what can be: mccli config --all"};
}

}  // namespace mc::cli
