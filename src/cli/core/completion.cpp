#include "cli/core/completion.hpp"

#include <algorithm>

#include "cli/core/verbs.hpp"

namespace mc::cli {
namespace {

using Live = Completion::Live;

constexpr std::string_view bash_script = R"(# mccli completion bash
_mccli() {
    local IFS=$'\n'
    COMPREPLY=($(mccli complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    [[ ${#COMPREPLY[@]} -ne 1 || $COMPREPLY != *: ]] || compopt -o nospace 2>/dev/null
}
complete -o default -F _mccli mccli
)";

// To be sourced, with or without compinit before, or as the file _mccli in $fpath, whose first call has to complete
// too.
constexpr std::string_view zsh_script = R"(#compdef mccli
_mccli() {
    local -a found
    found=("${(@f)$(mccli complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -z "$found" ]]; then _files
    elif [[ "$found" == *: ]]; then compadd -S '' -- "${found[@]}"
    else compadd -- "${found[@]}"; fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _mccli mccli
[[ ${funcstack[1]} != _mccli ]] || _mccli
)";

// Where this finds nothing -f does not hold, and fish offers files, as the others do.
constexpr std::string_view fish_script = R"(# mccli completion fish
function __mccli_find
    set -g __mccli_found (mccli complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)
    test -n "$__mccli_found"
end
complete -c mccli -n __mccli_find -f -a '$__mccli_found'
)";

/// The words before the one that is typed, understood as far as they can be.
struct Before {
    const VerbSpec* verb = nullptr;
    std::size_t operands = 0;
    const OptionSpec* open = nullptr;  ///< an option whose value is typed now
    bool in_command = false;           ///< after --
    std::string broker;
    std::string context;
};

/// bash gives `--output=js` as three words.
constexpr std::string_view equals_word = "=";

void take_option(Before& before, std::string_view word) {
    const bool is_long = word.starts_with("--");
    const auto equals = word.find('=');
    const OptionSpec* option = is_long ? find_option(before.verb, word.substr(2, equals - 2))
                                       : find_option(before.verb, word.size() > 1 ? word[word.size() - 1] : '\0');
    if (option == nullptr || option->is_flag()) return;
    if (!is_long || equals == std::string_view::npos) {
        before.open = option;
        return;
    }
    if (option->name == "broker") before.broker = word.substr(equals + 1);
    if (option->name == "context") before.context = word.substr(equals + 1);
}

Before understood(std::span<const std::string> words) {
    Before before;
    for (const auto& word : words) {
        if (before.open != nullptr) {
            if (word == equals_word) continue;
            if (before.open->name == "broker") before.broker = word;
            if (before.open->name == "context") before.context = word;
            before.open = nullptr;
        } else if (word == "--") {
            before.in_command = true;
            return before;
        } else if (word.starts_with('-') && word.size() > 1) {
            take_option(before, word);
        } else if (before.verb == nullptr) {
            before.verb = find_verb(word);
            if (before.verb == nullptr) return before;
        } else if (const VerbSpec* longer = before.operands == 0 ? find_verb(*before.verb, word) : nullptr) {
            before.verb = longer;
        } else {
            ++before.operands;
        }
    }
    return before;
}

/// What the help calls the operand after `before` others: "NAME" of "[NAME...]", "PORT" of "NAME PORT...".
std::string_view operand_name(std::string_view operands, std::size_t before) {
    std::string_view name;
    for (std::size_t n = 0; n <= before && !operands.empty(); ++n) {
        name = operands.substr(0, operands.find(' '));
        operands.remove_prefix(std::min(operands.size(), name.size() + 1));
    }
    name.remove_prefix(std::min(name.size(), name.find_first_not_of('[')));
    return name.substr(0, name.find_first_of(".]"));
}

Live live_of(std::string_view placeholder) {
    if (placeholder == "NAME") return Live::vms;
    if (placeholder == "NODE") return Live::nodes;
    if (placeholder == "IMAGE") return Live::images;
    if (placeholder == "CONTEXT") return Live::contexts;
    return Live::none;
}

Live live_operand_of(const VerbSpec& verb, std::size_t before) {
    if (verb.id == VerbId::create) return Live::none;  // a new name
    const bool copies = verb.id == VerbId::copy;
    return copies ? Live::vm_paths : live_of(operand_name(verb.operands, before));
}

void add_values(const OptionSpec& option, Completion& out) {
    if (option.name == "output") out.words = {"table", "wide", "json", "yaml", "csv", "name"};
    if (option.name == "on-lost") out.words = {"keep", "replace"};
    if (option.name == "policy") out.words = {"round-robin", "least-loaded", "spread", "pack"};
    if (option.name == "route") out.words = {"direct", "broker", "auto"};
    if (option.name == "role") out.words = {"user", "viewer", "admin", "worker"};
    if (option.name == "state") {
        out.words = {"pending", "creating", "running", "stopped", "deleting", "failed", "unknown"};
    }
    if (option.value != "NAME") out.live = live_of(option.value);  // NAME is a new one
}

void add_options(const VerbSpec* verb, Completion& out) {
    const auto add = [&](const std::vector<OptionSpec>& options) {
        for (const auto& option : options) {
            if (!option.hidden) out.words.push_back("--" + std::string(option.name));
        }
    };
    if (verb != nullptr) add(verb->options);
    add(common_options());
}

/// The first words of verbs, or the second ones after `first`.
void add_verbs(std::string_view first, Completion& out) {
    const std::string begin = first.empty() ? "" : std::string(first) + " ";
    for (const auto& verb : verbs()) {
        if (verb.hidden) continue;
        std::vector<std::string_view> called{verb.name};
        if (!first.empty()) called.insert(called.end(), verb.aliases.begin(), verb.aliases.end());
        for (const auto& name : called) {
            if (!name.starts_with(begin)) continue;
            const auto rest = name.substr(begin.size());
            out.words.emplace_back(rest.substr(0, rest.find(' ')));
        }
    }
}

}  // namespace

Completion complete(std::span<const std::string> words) {
    Completion out;
    if (words.empty()) return out;
    out.typed = words.back();
    const Before before = understood(words.first(words.size() - 1));
    out.broker = before.broker;
    out.context = before.context;
    const bool knows_verb = before.verb != nullptr;
    if (before.in_command) return out;
    const auto equals = out.typed.starts_with("--") ? out.typed.find('=') : std::string::npos;
    if (before.open != nullptr) {
        if (out.typed == equals_word) out.typed.clear();
        add_values(*before.open, out);
    } else if (equals != std::string::npos) {
        const auto* option = find_option(before.verb, std::string_view(out.typed).substr(2, equals - 2));
        out.before = out.typed.substr(0, equals + 1);
        out.typed.erase(0, equals + 1);
        if (option != nullptr && !option->is_flag()) add_values(*option, out);
    } else if (out.typed.starts_with('-')) {
        add_options(before.verb, out);
    } else if (!knows_verb) {
        add_verbs("", out);
    } else {
        if (before.operands == 0) add_verbs(before.verb->name, out);
        if (before.verb->id == VerbId::help) add_verbs("", out);
        if (before.verb->id == VerbId::completion) out.words = {"bash", "zsh", "fish"};
        if (before.operands < before.verb->operands_max) out.live = live_operand_of(*before.verb, before.operands);
    }
    std::erase_if(out.words, [&](const std::string& word) { return !word.starts_with(out.typed); });
    std::sort(out.words.begin(), out.words.end());
    out.words.erase(std::unique(out.words.begin(), out.words.end()), out.words.end());
    return out;
}

Result<std::string> completion_script(std::string_view shell) {
    if (shell == "bash") return std::string(bash_script);
    if (shell == "zsh") return std::string(zsh_script);
    if (shell == "fish") return std::string(fish_script);
    return fail(ErrorCode::usage, "there is no completion for \"" + std::string(shell) + "\": use bash, zsh or fish");
}

}  // namespace mc::cli
