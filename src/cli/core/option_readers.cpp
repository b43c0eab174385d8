#include "cli/core/option_readers.hpp"

#include <algorithm>

#include "cli/core/quantities.hpp"
#include "protocol/validate.hpp"

namespace mc::cli {

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

Result<std::vector<std::string>> distinct_names(std::string_view what, std::span<const std::string> operands) {
    std::vector<std::string> names;
    for (const auto& name : operands) {
        if (std::find(names.begin(), names.end(), name) != names.end()) continue;
        if (auto checked = protocol::check_name(what, name); !checked) return fail(checked.error());
        names.push_back(name);
    }
    return names;
}

}  // namespace mc::cli
