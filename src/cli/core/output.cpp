#include "cli/core/output.hpp"

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>
#include <yaml-cpp/null.h>

#include <algorithm>
#include <array>

#include "cli/core/json_views.hpp"
#include "cli/core/views.hpp"

namespace mc::cli {
namespace {

using Names = std::array<std::pair<std::string_view, OutputFormat>, 6>;
constexpr Names formats{{{"table", OutputFormat::table},
                         {"wide", OutputFormat::wide},
                         {"json", OutputFormat::json},
                         {"yaml", OutputFormat::yaml},
                         {"csv", OutputFormat::csv},
                         {"name", OutputFormat::name}}};

/// Whether YAML reads `text` as this very string when it stands there unquoted. Words such as `no`, numbers and times
/// would be read as something else: so what does not begin with a letter is quoted, and every such word.
bool is_plain_yaml(std::string_view text) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    constexpr std::array<std::string_view, 8> words{"y", "n", "yes", "no", "on", "off", "true", "false"};
    if (text.empty() || letters.find(text.front()) == std::string_view::npos) return false;
    if (text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") !=
        std::string_view::npos) {
        return false;
    }
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return lower != "null" && std::find(words.begin(), words.end(), lower) == words.end();
}

void emit(YAML::Emitter& out, const Json& json) {
    if (json.is_object()) {
        if (json.empty()) out << YAML::Flow;
        out << YAML::BeginMap;
        for (const auto& [key, value] : json.items()) {
            out << YAML::Key;
            emit(out, key);
            out << YAML::Value;
            emit(out, value);
        }
        out << YAML::EndMap;
    } else if (json.is_array()) {
        if (json.empty()) out << YAML::Flow;
        out << YAML::BeginSeq;
        for (const auto& element : json) emit(out, element);
        out << YAML::EndSeq;
    } else if (json.is_string()) {
        const auto& text = json.get_ref<const std::string&>();
        if (is_plain_yaml(text))
            out << text;
        else
            out << YAML::DoubleQuoted << text;
    } else if (json.is_null()) {
        out << YAML::Null;
    } else {
        out << json.dump();
    }
}

std::string csv_cell(const Json& value) {
    if (value.is_null()) return "";
    std::string text = value.is_string() ? value.get<std::string>() : line(value);
    if (!value.is_string()) text.pop_back();  // line()'s break
    text = printable(text);
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"') out.push_back('"');
        out.push_back(c);
    }
    return out + "\"";
}

/// An object stands for a list of one.
template <class Do>
void for_each_element(const Json& json, Do act) {
    if (!json.is_array()) return act(json);
    for (const auto& element : json) act(element);
}

}  // namespace

std::optional<OutputFormat> output_format_of(std::string_view name) {
    const auto found = std::find_if(formats.begin(), formats.end(), [&](const auto& f) { return f.first == name; });
    return found == formats.end() ? std::nullopt : std::optional(found->second);
}

bool for_programs(OutputFormat format) {
    return format == OutputFormat::json || format == OutputFormat::yaml;
}

std::string yaml(const Json& json) {
    YAML::Emitter out;
    emit(out, json);
    return std::string(out.c_str(), out.size()) + "\n";
}

std::vector<std::string_view> columns_of_objects(const std::vector<std::string_view>& objects) {
    std::vector<std::string_view> columns;
    for (const auto& object : objects) {
        for (const auto& field : json_fields()) {
            if (field.object == object) columns.push_back(field.name);
        }
    }
    return columns;
}

std::string csv(const Json& json, const std::vector<std::string_view>& columns) {
    std::string out;
    for (const auto& column : columns) out += (out.empty() ? "" : ",") + std::string(column);
    out += "\r\n";
    for_each_element(json, [&](const Json& element) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const auto value = element.find(std::string(columns[i]));
            out += (i == 0 ? "" : ",") + (value == element.end() ? "" : csv_cell(*value));
        }
        out += "\r\n";
    });
    return out;
}

std::string names(const Json& json, std::string_view field) {
    const std::string name(field);
    bool owners = false;
    const Json* first = nullptr;
    for_each_element(json, [&](const Json& element) {
        if (!element.contains("owner")) return;
        if (first == nullptr) first = &element;
        owners = owners || element["owner"] != (*first)["owner"];
    });
    std::string out;
    for_each_element(json, [&](const Json& element) {
        const auto value = element.find(name);
        if (value == element.end() || value->is_null() || element.value("status", "") == "failed") return;
        std::string text = value->is_string() ? value->get<std::string>() : value->dump();
        if (owners && name == "name" && element["owner"].is_string()) {
            text.insert(0, element["owner"].get<std::string>() + "/");
        }
        out += printable(text) + "\n";
    });
    return out;
}

std::string rendered(const View& view, OutputFormat format, const TextStyle& style) {
    switch (format) {
        case OutputFormat::table:
        case OutputFormat::wide:
            break;
        case OutputFormat::json:
            return pretty(view.json());
        case OutputFormat::yaml:
            return yaml(view.json());
        case OutputFormat::csv:
            return csv(view.json(), columns_of_objects(view.objects));
        case OutputFormat::name:
            return names(view.json(), view.name_field);
    }
    return view.text(style);
}

std::string rendered_error(const Error& error, ExitCode exit_code, OutputFormat format) {
    if (format == OutputFormat::json) return line(json_error(error, exit_code));
    if (format == OutputFormat::yaml) return yaml(json_error(error, exit_code));
    return text_error(error);
}

}  // namespace mc::cli
