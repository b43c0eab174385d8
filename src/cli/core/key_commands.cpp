#include "cli/core/key_commands.hpp"

#include <algorithm>
#include <limits>

#include "cli/core/key_views.hpp"
#include "cli/core/option_readers.hpp"
#include "cli/core/quantities.hpp"

namespace mc::cli {
namespace {

constexpr std::uint64_t audit_shown_default = 50;

/// As --verify prints it.
Result<std::string> parse_hash(std::string_view text) {
    constexpr std::size_t digits = 64;
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (text.size() == digits && std::all_of(text.begin(), text.end(), is_digit)) return std::string(text);
    return fail(ErrorCode::invalid_argument, "it is not a hash as --verify prints it: 64 digits of 0-9 and a-f");
}

}  // namespace

Result<protocol::RevokeRequest> read_revoke(std::span<const std::string> operands) {
    auto targets = distinct_names("key", operands);
    if (!targets) return fail(targets.error());
    return protocol::RevokeRequest{std::move(*targets)};
}

Result<protocol::RevokeRequest> read_token_revoke(std::span<const std::string> operands,
                                                  const std::vector<protocol::KeyView>& listed) {
    const auto names = distinct_names("token", operands);
    if (!names) return fail(names.error());
    protocol::RevokeRequest out;
    const auto tokens = only_tokens(listed);
    for (const auto& name : *names) {
        bool found = false;
        for (const auto& token : tokens) {
            if (token.fingerprint != name && token.name != name) continue;
            found = true;
            if (std::find(out.targets.begin(), out.targets.end(), token.fingerprint) == out.targets.end()) {
                out.targets.push_back(token.fingerprint);
            }
        }
        if (!found) {
            return fail(ErrorCode::not_found,
                        "there is no token " + name +
                            "; see them with: mccli token list. Keys that have joined are revoked "
                            "with: mccli keys revoke");
        }
    }
    if (out.targets.size() > limits::batch_max) {
        return fail(ErrorCode::invalid_argument, "that is over 1000 tokens: name fewer, by their fingerprints");
    }
    return out;
}

Result<AuditCommand> read_audit(const Settings& settings) {
    AuditCommand out;
    out.verify = settings.flag("verify") || settings.get("noted").has_value();
    const auto number = [](std::uint64_t least) {
        return [least](std::string_view text) {
            return parse_count(text, least, std::numeric_limits<std::int64_t>::max());
        };
    };
    std::uint64_t since = 0;
    const auto values =
        first_error({take(settings, "since", since, number(0)), take(settings, "limit", out.range.limit, number(1)),
                     take(settings, "noted", out.noted, parse_hash)});
    if (!values) return fail(values.error());
    if (settings.get("since")) out.range.since = since;
    if (!settings.get("since") && !settings.get("limit")) out.range.limit = audit_shown_default;
    if (out.verify && (settings.get("since") || settings.get("limit"))) {
        return fail(ErrorCode::usage, "--verify reads the whole audit log: leave out --since and --limit");
    }
    return out;
}

}  // namespace mc::cli
