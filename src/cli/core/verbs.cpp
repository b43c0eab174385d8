#include "cli/core/verbs.hpp"

#include <algorithm>
#include <string>

#include "base/assert.hpp"
#include "cli/core/verb_table.hpp"

namespace mc::cli {

VerbSpec batch_verb(VerbId id, std::string_view name, std::string_view operands, std::string_view summary,
                    std::string_view description, std::vector<OptionSpec> options, std::vector<Example> examples) {
    VerbSpec verb;
    verb.id = id;
    verb.name = name;
    verb.operands = operands;
    verb.summary = summary;
    verb.description = description;
    verb.options = std::move(options);
    verb.examples = std::move(examples);
    verb.operands_min = 1;
    verb.operands_max = names_max;
    return verb;
}

const std::vector<VerbSpec>& verbs() {
    static const std::vector<VerbSpec> table = [] {
        std::vector<VerbSpec> all = vm_verbs();
        for (auto& verb : file_verbs()) all.push_back(std::move(verb));
        for (auto& verb : inside_verbs()) all.push_back(std::move(verb));
        for (auto& verb : cloud_verbs()) all.push_back(std::move(verb));
        for (auto& verb : key_verbs()) all.push_back(std::move(verb));
        for (auto& verb : more_verbs()) all.push_back(std::move(verb));
        return all;
    }();
    return table;
}

const VerbSpec* find_verb(std::string_view name) {
    for (const auto& verb : verbs()) {
        if (verb.name == name || std::find(verb.aliases.begin(), verb.aliases.end(), name) != verb.aliases.end()) {
            return &verb;
        }
    }
    return nullptr;
}

const VerbSpec* find_verb(const VerbSpec& verb, std::string_view second) {
    return find_verb(std::string(verb.name) + " " + std::string(second));
}

const VerbSpec& verb_of(VerbId id) {
    const auto& all = verbs();
    const auto found = std::find_if(all.begin(), all.end(), [&](const VerbSpec& v) { return v.id == id; });
    MC_ASSERT(found != all.end());
    return *found;
}

namespace {

template <class Matches>
const OptionSpec* find_where(const VerbSpec* verb, Matches matches) {
    // A verb's own options come first: `-t` and `-i` mean different things to different verbs.
    if (verb != nullptr) {
        const auto own = std::find_if(verb->options.begin(), verb->options.end(), matches);
        if (own != verb->options.end()) return &*own;
    }
    const auto& common = common_options();
    const auto found = std::find_if(common.begin(), common.end(), matches);
    return found == common.end() ? nullptr : &*found;
}

}  // namespace

const OptionSpec* find_option(const VerbSpec* verb, std::string_view name) {
    return find_where(verb, [&](const OptionSpec& o) { return o.name == name; });
}

const OptionSpec* find_option(const VerbSpec* verb, char letter) {
    return find_where(verb, [&](const OptionSpec& o) { return o.letter != 0 && o.letter == letter; });
}

}  // namespace mc::cli
