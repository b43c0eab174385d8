#include "cli/core/option_readers.hpp"

#include <algorithm>

#include "cli/core/quantities.hpp"
#include "protocol/validate.hpp"

namespace mc::cli {
namespace {

template <class Check>
Result<std::vector<std::string>> distinct(std::span<const std::string> operands, Check check) {
    std::vector<std::string> words;
    for (const auto& word : operands) {
        if (std::find(words.begin(), words.end(), word) != words.end()) continue;
        if (auto checked = check(word); !checked) return fail(checked.error());
        words.push_back(word);
    }
    return words;
}

Result<milliseconds> parse_timeout(std::string_view text) {
    auto timeout = parse_duration(text);
    if (!timeout) return timeout;
    if (*timeout < 1s || *timeout > limits::request_deadline_max) {
        return fail(ErrorCode::invalid_argument, "it must be between 1s and 1h");
    }
    return timeout;
}

}  // namespace

Result<void> first_error(std::initializer_list<Result<void>> results) {
    for (const auto& result : results) {
        if (!result) return result;
    }
    return {};
}

Result<std::uint64_t> parse_seconds(std::string_view text, seconds least, seconds most) {
    const auto duration = parse_duration(text);
    if (!duration) return fail(duration.error());
    if (*duration < least) return fail(ErrorCode::invalid_argument, "it must be at least " + format_age(least));
    if (*duration > most) return fail(ErrorCode::invalid_argument, "it can be " + format_age(most) + " at most");
    return static_cast<std::uint64_t>(duration->count() / 1000);
}

Result<void> take_timeout(const Settings& settings, milliseconds& timeout) {
    return take(settings, "timeout", timeout, parse_timeout);
}

Result<void> take_timeout(const Settings& settings, std::optional<milliseconds>& timeout) {
    return take(settings, "timeout", timeout, parse_timeout);
}

Result<std::vector<std::string>> distinct_names(std::string_view what, std::span<const std::string> operands) {
    return distinct(operands, [&](const std::string& name) { return protocol::check_name(what, name); });
}

Result<std::vector<std::string>> distinct_targets(std::span<const std::string> operands) {
    return distinct(operands, protocol::check_target);
}

}  // namespace mc::cli
