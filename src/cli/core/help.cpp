#include "cli/core/help.hpp"

#include <algorithm>

#include "cli/core/text.hpp"

namespace mc::cli {
namespace {

constexpr std::size_t indent = 2;
constexpr std::size_t left_columns_max = 32;  // options longer than this get a line of their own

/// "-o, --output FORMAT".
std::string option_usage(const OptionSpec& option) {
    std::string text = option.letter != 0 ? "-" + std::string(1, option.letter) + ", " : "    ";
    text += "--" + std::string(option.name);
    if (!option.is_flag()) text += " " + std::string(option.value);
    return text;
}

std::string option_help(const OptionSpec& option) {
    return std::string(option.help) + (option.repeatable ? " (repeatable)" : "");
}

struct Row {
    std::string left;
    std::string right;
};

/// Two columns, the right one wrapped.
std::string two_columns(const std::vector<Row>& rows, std::size_t columns) {
    std::size_t left = 0;
    for (const auto& row : rows) {
        if (row.left.size() <= left_columns_max) left = std::max(left, row.left.size());
    }
    const std::size_t right_at = indent + left + 2;
    const std::size_t right_columns = columns > right_at + 20 ? columns - right_at : 20;
    std::string out;
    for (const auto& row : rows) {
        out += std::string(indent, ' ') + row.left;
        const auto lines = wrap(row.right, right_columns);
        bool own_line = row.left.size() > left;
        std::size_t at = indent + row.left.size();
        for (const auto& line : lines) {
            if (own_line) {
                out += "\n";
                at = 0;
            }
            out += std::string(right_at - at, ' ') + line;
            own_line = true;
        }
        out += "\n";
    }
    return out;
}

std::vector<Row> option_rows(const std::vector<OptionSpec>& options) {
    std::vector<Row> rows;
    for (const auto& option : options) {
        if (!option.hidden) rows.push_back({option_usage(option), option_help(option)});
    }
    return rows;
}

std::vector<std::string_view> groups() {
    std::vector<std::string_view> out;
    for (const auto& verb : verbs()) {
        if (std::find(out.begin(), out.end(), verb.group) == out.end()) out.push_back(verb.group);
    }
    return out;
}

std::string wrapped_paragraphs(std::string_view text, std::size_t columns) {
    std::string out;
    for (const auto& paragraph : paragraphs(text)) {
        if (!out.empty()) out += "\n";
        for (const auto& line : wrap(paragraph, columns)) out += line + "\n";
    }
    return out;
}

bool has_options(const VerbSpec& verb) {
    return std::any_of(verb.options.begin(), verb.options.end(), [](const OptionSpec& o) { return !o.hidden; });
}

std::string joined(const std::vector<std::string_view>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : ", ") + std::string(word);
    return out;
}

std::string upper_underscored(std::string_view text) {
    std::string out;
    for (const char c : text)
        out.push_back(c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    return out;
}

constexpr std::string_view overview_intro =
    "minicloud: throw-away Linux boxes on the machines you have. `mccli create` gives you one, `mccli ssh` logs you "
    "in.";

constexpr std::string_view sources_text =
    "Every option can also be set in the environment (MC_BROKER for --broker; with the verb for an option of one verb: "
    "MC_CREATE_IMAGE) and in the ini file (`broker = …`, `create-image = …`), in this order of precedence.";

}  // namespace

std::string usage_line(const VerbSpec& verb) {
    std::string out = "mccli " + std::string(verb.name);
    out += " [OPTION...]";
    if (!verb.operands.empty()) out += " " + std::string(verb.operands);
    return out;
}

std::string ini_name(const VerbSpec* verb, const OptionSpec& option) {
    std::string name = (verb != nullptr ? std::string(verb->name) + "-" : "") + std::string(option.name);
    std::replace(name.begin(), name.end(), ' ', '-');  // "nodes drain"
    return name;
}

std::string environment_name(const VerbSpec* verb, const OptionSpec& option) {
    return "MC_" + upper_underscored(ini_name(verb, option));
}

const std::vector<ExitCodeText>& exit_code_texts() {
    static const std::vector<ExitCodeText> texts{
        {0, "it worked"},
        {1, "it was tried and failed; of `diff`: there is something to do; of `doctor`: a check failed"},
        {2, "the command line or a value in it is wrong; of `diff` also what else would be 1"},
        {3, "the broker can't be reached"},
        {4, "there is no such VM, node or request"},
        {5, "it took too long: the outcome is unknown, look with `mccli job ID`"},
        {6, "no room on any node, or no quota left"},
        {7, "part of a batch failed; the items say which"},
        {130, "interrupted (Ctrl-C)"},
        {141, "whoever read the output went away"},
        {255, "ssh could not connect (the OpenSSH client's own code)"},
    };
    return texts;
}

std::string help_overview(std::size_t columns) {
    std::string out = "Usage: mccli [OPTION...] VERB [OPTION...] [OPERAND...]\n\n";
    out += wrapped_paragraphs(overview_intro, columns);
    for (const auto& group : groups()) {
        std::vector<Row> rows;
        for (const auto& verb : verbs()) {
            if (verb.group == group && !verb.hidden)
                rows.push_back({std::string(verb.name), std::string(verb.summary)});
        }
        out += "\n" + std::string(group) + ":\n" + two_columns(rows, columns);
    }
    out += "\nOptions of every verb:\n" + two_columns(option_rows(common_options()), columns);
    out += "\n" + wrapped_paragraphs(sources_text, columns);
    out += "\nMore on a verb: mccli help VERB\n";
    return out;
}

std::string help_verb(const VerbSpec& verb, std::size_t columns) {
    std::string out = "Usage: " + usage_line(verb) + "\n\n";
    out += wrapped_paragraphs(std::string(verb.summary) + ".", columns);
    if (!verb.description.empty()) out += "\n" + wrapped_paragraphs(verb.description, columns);
    if (!verb.aliases.empty()) out += "\nAlso called: " + joined(verb.aliases) + "\n";
    if (has_options(verb)) out += "\nOptions:\n" + two_columns(option_rows(verb.options), columns);
    out += "\nOptions of every verb:\n" + two_columns(option_rows(common_options()), columns);
    if (!verb.examples.empty()) {
        out += "\nExamples:\n";
        for (const auto& example : verb.examples) {
            out += "  " + std::string(example.line) +
                   (example.meaning.empty() ? "" : "  # " + std::string(example.meaning)) + "\n";
        }
    }
    return out;
}

}  // namespace mc::cli
