#include "cli/core/selector.hpp"

#include <algorithm>

#include "cli/core/text.hpp"

namespace mc::cli {

Result<Selector::Term> Selector::parse_term(std::string_view text) {
    Term term;
    std::string_view key = text;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) {
        const bool unequal = equals > 0 && text[equals - 1] == '!';
        const bool twice = !unequal && equals + 1 < text.size() && text[equals + 1] == '=';
        term.test = unequal ? Test::unequal : Test::equal;
        term.value = trimmed(text.substr(equals + (twice ? 2 : 1)));
        key = text.substr(0, unequal ? equals - 1 : equals);
    } else if (text.starts_with('!')) {
        term.test = Test::absent;
        key = text.substr(1);
    }
    term.key = trimmed(key);
    if (term.key.empty() || term.key.find_first_of("! ") != std::string::npos) {
        return fail(ErrorCode::invalid_argument, "\"" + std::string(text) +
                                                     "\" is no condition on a label: write key=value, key!=value, "
                                                     "key or !key, with commas between several");
    }
    return term;
}

Result<Selector> Selector::parse(std::string_view text) {
    if (trimmed(text).empty()) {
        return fail(ErrorCode::invalid_argument, "the selector is empty; for every VM use --all, or leave it out");
    }
    Selector out;
    while (true) {
        const auto comma = text.find(',');
        auto term = parse_term(trimmed(text.substr(0, comma)));
        if (!term) return fail(term.error());
        if (out.terms_.size() == terms_max) return fail(ErrorCode::invalid_argument, "the selector has over 64 terms");
        out.terms_.push_back(std::move(*term));
        if (comma == std::string_view::npos) return out;
        text.remove_prefix(comma + 1);
    }
}

void Selector::add(const Selector& other) {
    terms_.insert(terms_.end(), other.terms_.begin(), other.terms_.end());
}

bool Selector::matches(const std::vector<protocol::Label>& labels) const {
    return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
        const auto label = std::find_if(labels.begin(), labels.end(), [&](const auto& l) { return l.key == term.key; });
        const bool there = label != labels.end();
        switch (term.test) {
            case Test::equal:
                return there && label->value == term.value;
            case Test::unequal:
                return !there || label->value != term.value;
            case Test::there:
                return there;
            case Test::absent:
                return !there;
        }
        return false;
    });
}

}  // namespace mc::cli
