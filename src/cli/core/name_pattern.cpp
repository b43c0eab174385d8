#include "cli/core/name_pattern.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "protocol/limits.hpp"

namespace mc::cli {
namespace {

tl::unexpected<Error> bad(std::string_view pattern, const std::string& why) {
    return fail(ErrorCode::invalid_argument, "\"" + std::string(pattern.substr(0, 80)) + "\": " + why +
                                                 "; write names as lab-{1..30}, lab-{01..30} or lab-{a,b}");
}

constexpr std::size_t digits_max = 9;  // fits 32 bits

std::optional<std::int32_t> number(std::string_view text) {
    std::int32_t value = 0;
    if (text.empty() || text.size() > digits_max || text.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// "1..30"; nullopt = it is none.
std::optional<std::vector<std::string>> counted(std::string_view text) {
    const auto dots = text.find("..");
    if (dots == std::string_view::npos) return std::nullopt;
    const auto first_text = text.substr(0, dots);
    const auto last_text = text.substr(dots + 2);
    const auto first = number(first_text);
    const auto last = number(last_text);
    if (!first || !last) return std::nullopt;
    const bool padded =
        (first_text.size() > 1 && first_text.front() == '0') || (last_text.size() > 1 && last_text.front() == '0');
    const std::size_t width = padded ? std::max(first_text.size(), last_text.size()) : 0;
    const std::int32_t step = *first <= *last ? 1 : -1;
    std::vector<std::string> out;
    // One more than allowed is enough to be refused.
    for (std::int32_t at = *first; out.size() <= limits::batch_max; at += step) {
        std::string word = std::to_string(at);
        if (word.size() < width) word.insert(0, width - word.size(), '0');
        out.push_back(std::move(word));
        if (at == *last) break;
    }
    return out;
}

std::vector<std::string> listed(std::string_view text) {
    std::vector<std::string> out;
    while (true) {
        const auto comma = text.find(',');
        out.emplace_back(text.substr(0, comma));
        if (comma == std::string_view::npos) return out;
        text.remove_prefix(comma + 1);
    }
}

}  // namespace

Result<std::vector<std::string>> expand_names(std::string_view pattern) {
    std::vector<std::string> names{""};
    std::string_view rest = pattern;
    while (!rest.empty()) {
        const auto open = rest.find('{');
        const auto plain = rest.substr(0, open);
        if (plain.find('}') != std::string_view::npos) return bad(pattern, "a } has no {");
        for (auto& name : names) name += plain;
        if (open == std::string_view::npos) break;
        rest.remove_prefix(open + 1);
        const auto close = rest.find('}');
        if (close == std::string_view::npos) return bad(pattern, "a { has no }");
        const auto inside = rest.substr(0, close);
        if (inside.find('{') != std::string_view::npos) return bad(pattern, "braces don't nest");
        rest.remove_prefix(close + 1);
        auto words = counted(inside);
        if (!words) words = listed(inside);
        if (words->size() == 1 && words->front() == inside && inside.find("..") == std::string_view::npos) {
            return bad(pattern, "there is nothing to choose between { and }");
        }
        if (words->size() * names.size() > limits::batch_max) return bad(pattern, "these are over 1000 names");
        std::vector<std::string> longer;
        for (const auto& name : names) {
            for (const auto& word : *words) longer.push_back(name + word);
        }
        names = std::move(longer);
    }
    return names;
}

}  // namespace mc::cli
