#include "io/option_table.hpp"

#include <algorithm>
#include <cctype>

namespace mc::io {
namespace {

constexpr std::size_t help_column = 30;
constexpr std::size_t line_width = 100;

std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// `text` broken at spaces; every line after the first begins at `column`.
std::string wrap(const std::string& text, std::size_t column) {
    std::string out;
    std::size_t width = column;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(' ', begin), text.size());
        const std::size_t length = end - begin;
        if (width > column && width + 1 + length > line_width) {
            out += "\n" + std::string(column, ' ');
            width = column;
        } else if (width > column) {
            out += ' ';
            ++width;
        }
        out += text.substr(begin, length);
        width += length;
        begin = end + 1;
    }
    return out;
}

std::string option_text(const Option& option) {
    std::string left = "  ";
    if (option.extra.short_name != 0) {
        left += std::string{'-', option.extra.short_name} + ", ";
    }
    left += "--" + option.name;
    if (!option.is_flag) left += " " + option.value;
    std::string about = option.help;
    const std::string& shown = option.extra.default_shown.empty() ? option.default_text : option.extra.default_shown;
    if (option.is_list) about += " (may be repeated)";
    if (!shown.empty()) about += " [default: " + shown + "]";
    if (!option.extra.command_line_only) {
        about += " [" + env_name(option.name);
        for (const auto& alias : option.extra.env_aliases) about += ", " + alias;
        about += "]";
    } else if (option.name == "config") {
        about += " [MC_CONFIG]";
    }
    left += left.size() + 2 > help_column ? "\n" + std::string(help_column, ' ')
                                          : std::string(help_column - left.size(), ' ');
    return left + wrap(about, help_column) + "\n";
}

}  // namespace

std::string env_name(std::string_view option) {
    std::string name = "MC_";
    for (const char c : option) {
        name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return name;
}

std::size_t line_of_key(std::string_view text, std::string_view key) {
    std::string section;
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string_view line = trim(text.substr(begin, end - begin));
        ++number;
        begin = end + 1;
        if (line.size() > 1 && line.front() == '[' && line.back() == ']') {
            section = std::string(line.substr(1, line.size() - 2)) + ".";
        } else if (section + std::string(trim(line.substr(0, line.find('=')))) == key) {
            return number;
        }
    }
    return 0;
}

std::string help_text(const std::string& usage, const std::string& summary, const std::vector<Option>& options,
                      const std::string& epilog) {
    std::string text = "Usage: " + usage + "\n";
    if (!summary.empty()) text += "\n" + wrap(summary, 0) + "\n";
    std::vector<std::string> groups;
    for (const auto& option : options) {
        if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) groups.push_back(option.group);
    }
    // "General" is declared first and read last.
    if (groups.size() > 1) std::rotate(groups.begin(), groups.begin() + 1, groups.end());
    for (const auto& group : groups) {
        text += "\n" + group + ":\n";
        for (const auto& option : options) {
            if (option.group == group) text += option_text(option);
        }
    }
    text +=
        "\nEach option can also be given in the environment (name in brackets) or in the ini file; the command line "
        "comes\nfirst, then the environment, then the file.\n";
    if (!epilog.empty()) text += "\n" + epilog + "\n";
    return text;
}

}  // namespace mc::io
