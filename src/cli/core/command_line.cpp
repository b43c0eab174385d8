#include "cli/core/command_line.hpp"

#include "cli/core/suggest.hpp"

namespace mc::cli {
namespace {

tl::unexpected<Error> usage(std::string message) {
    return fail(ErrorCode::usage, std::move(message));
}

std::string hint_for(const VerbSpec* verb) {
    return verb == nullptr ? "see: mccli --help" : "see: mccli help " + std::string(verb->name);
}

std::string unknown_verb(std::string_view word) {
    std::vector<std::string> names;
    for (const auto& verb : verbs()) {
        names.emplace_back(verb.name);
        for (const auto& alias : verb.aliases) names.emplace_back(alias);
    }
    std::string message = "there is no verb \"" + std::string(word) + "\"";
    if (const auto near = nearest(word, names)) return message + "; did you mean \"" + *near + "\"?";
    return message + "; see: mccli --help";
}

std::vector<std::string> names_beginning_with(const VerbSpec& verb) {
    std::vector<std::string> names;
    for (const auto& other : verbs()) {
        if (other.name.starts_with(std::string(verb.name) + " ")) names.emplace_back(other.name);
    }
    return names;
}

std::string unknown_option(const VerbSpec* verb, std::string_view name) {
    std::vector<std::string> names;
    const auto add = [&](const std::vector<OptionSpec>& options) {
        for (const auto& option : options) names.emplace_back(option.name);
    };
    if (verb != nullptr) add(verb->options);
    add(common_options());
    std::string message = "there is no option --" + std::string(name);
    if (verb != nullptr) message += " for " + std::string(verb->name);
    if (const auto near = nearest(name, names)) return message + "; did you mean --" + *near + "?";
    return message + "; " + hint_for(verb);
}

/// What the first operand of a usage line is, in a sentence.
std::string noun_of(std::string_view operands) {
    if (operands.starts_with("ID")) return "the id of a request";
    if (operands.starts_with("NODE")) return "the name of a node";
    if (operands.starts_with("OPTION VALUE")) return "the name of an option and its value";
    if (operands.starts_with("OPTION")) return "the name of an option";
    if (operands.starts_with("KEY")) return "the fingerprint of a key, or a name";
    if (operands.starts_with("TOKEN")) return "the fingerprint of a token, or a name";
    return "the name of a VM";
}

class Splitter {
public:
    explicit Splitter(std::span<const std::string> args) : args_(args) {}

    Result<CommandLine> run() {
        while (next_ < args_.size()) {
            const std::string& token = args_[next_++];
            Result<void> taken;
            if (token == "--")
                taken = rest();
            else if (token.starts_with("--"))
                taken = long_option(std::string_view(token).substr(2));
            else if (token.size() > 1 && token.front() == '-')
                taken = letters(std::string_view(token).substr(1));
            else
                taken = word(token);
            if (!taken) return fail(taken.error());
        }
        if (auto counted = check_operands(); !counted) return fail(counted.error());
        return std::move(line_);
    }

private:
    bool command_begins() const {
        return line_.verb != nullptr && line_.verb->takes_command && line_.operands.size() >= line_.verb->operands_max;
    }

    Result<void> rest() {
        auto& to = command_begins() ? line_.command : line_.operands;
        if (line_.verb == nullptr) return usage("a verb must come before \"--\"; see: mccli --help");
        to.insert(to.end(), args_.begin() + static_cast<std::ptrdiff_t>(next_), args_.end());
        next_ = args_.size();
        return {};
    }

    Result<void> word(const std::string& token) {
        if (line_.verb == nullptr) {
            line_.verb = find_verb(token);
            return line_.verb != nullptr ? Result<void>{} : usage(unknown_verb(token));
        }
        if (command_begins()) {
            --next_;
            return rest();
        }
        if (const VerbSpec* longer = line_.operands.empty() ? find_verb(*line_.verb, token) : nullptr) {
            line_.verb = longer;
            return {};
        }
        line_.operands.push_back(token);
        return {};
    }

    Result<void> long_option(std::string_view text) {
        const auto equals = text.find('=');
        const auto name = text.substr(0, equals);
        const OptionSpec* option = find_option(line_.verb, name);
        if (option == nullptr) return usage(unknown_option(line_.verb, name));
        if (option->is_flag()) {
            if (equals != std::string_view::npos) return usage("--" + std::string(name) + " takes no value");
            return add_flag(*option);
        }
        if (equals != std::string_view::npos) return add_value(*option, text.substr(equals + 1));
        return value_from_next(*option);
    }

    Result<void> letters(std::string_view text) {
        while (!text.empty()) {
            const OptionSpec* option = find_option(line_.verb, text.front());
            if (option == nullptr) {
                return usage("there is no option -" + std::string(1, text.front()) +
                             (line_.verb != nullptr ? " for " + std::string(line_.verb->name) : "") + "; " +
                             hint_for(line_.verb));
            }
            text.remove_prefix(1);
            if (option->is_flag()) {
                if (auto added = add_flag(*option); !added) return added;
                continue;
            }
            return text.empty() ? value_from_next(*option) : add_value(*option, text);
        }
        return {};
    }

    Result<void> value_from_next(const OptionSpec& option) {
        if (next_ >= args_.size()) return add_value(option, "");
        return add_value(option, args_[next_++]);
    }

    Result<void> add_value(const OptionSpec& option, std::string_view value) {
        if (value.empty()) {
            return usage("--" + std::string(option.name) + " needs a value (" + std::string(option.value) + "); " +
                         hint_for(line_.verb));
        }
        line_.options.push_back("--" + std::string(option.name) + "=" + std::string(value));
        return {};
    }

    Result<void> add_flag(const OptionSpec& option) {
        if (option.name == "help") helps_ = true;
        line_.options.push_back("--" + std::string(option.name));
        return {};
    }

    Result<void> check_operands() const {
        if (line_.verb == nullptr || helps_) return {};
        const VerbSpec& verb = *line_.verb;
        if (line_.operands.size() < verb.operands_min) {
            return usage("mccli " + std::string(verb.name) + " needs " + noun_of(verb.operands) + ": mccli " +
                         std::string(verb.name) + " " + std::string(verb.operands));
        }
        if (line_.operands.size() > verb.operands_max) {
            const std::string two_words = std::string(verb.name) + " " + line_.operands.front();
            if (const auto near = nearest(two_words, names_beginning_with(verb))) {
                return usage("there is no verb \"" + two_words + "\"; did you mean \"" + *near + "\"?");
            }
            if (verb.operands_max == 0 && find_option(&verb, "file") != nullptr) {
                return usage("mccli " + std::string(verb.name) + " takes its file by an option: mccli " +
                             std::string(verb.name) + " -f " + line_.operands.front());
            }
            return usage("mccli " + std::string(verb.name) + " takes " +
                         (verb.operands_max == 0 ? "no operand" : "at most " + std::to_string(verb.operands_max)) +
                         ", but was also given \"" + line_.operands[verb.operands_max] + "\"; " + hint_for(&verb));
        }
        return {};
    }

    std::span<const std::string> args_;
    std::size_t next_ = 0;
    bool helps_ = false;
    CommandLine line_;
};

}  // namespace

Result<CommandLine> split_command_line(std::span<const std::string> args) {
    return Splitter(args).run();
}

std::optional<std::string> Settings::get(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end() || found->second.empty()) return std::nullopt;
    return found->second.back();
}

std::vector<std::string> Settings::all(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>{} : found->second;
}

std::string Settings::origin(std::string_view name) const {
    const auto found = origins_.find(name);
    return found == origins_.end() ? "" : found->second;
}

bool Settings::flag(std::string_view name) const {
    const auto value = get(name);
    return value && *value != "false" && *value != "0" && *value != "no" && *value != "off";
}

}  // namespace mc::cli
