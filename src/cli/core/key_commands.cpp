#include "cli/core/key_commands.hpp"

#include <algorithm>
#include <limits>

#include "cli/core/key_views.hpp"
#include "cli/core/option_readers.hpp"
#include "cli/core/quantities.hpp"
#include "protocol/validate.hpp"

namespace mc::cli {
namespace {

constexpr std::uint64_t audit_shown_default = 50;

constexpr std::uint64_t key_ttl_seconds_max = 10ULL * 365 * 24 * 3600;

Result<protocol::Role> parse_role(std::string_view text) {
    using protocol::Role;
    for (const Role role : {Role::worker, Role::user, Role::viewer, Role::admin}) {
        if (text == name_of(role)) return role;
    }
    return fail(ErrorCode::invalid_argument,
                "\"" + std::string(text) + "\" is no role for a token: use user, viewer, admin or worker");
}

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

Result<TokenCommand> read_token_create(const Settings& settings) {
    TokenCommand out;
    auto& request = out.request;
    const auto role = settings.get("role");
    if (!role) return fail(ErrorCode::usage, "say whom the token is for: --role user, viewer, admin or worker");
    request.name = settings.get("name").value_or("");
    out.endpoint = settings.get("endpoint").value_or("");
    const auto count = [](std::uint64_t most) {
        return [most](std::string_view text) { return parse_count(text, 1, most); };
    };
    const auto time = [](std::uint64_t most) {
        return [most](std::string_view text) { return parse_seconds(text, 1s, seconds(most)); };
    };
    const auto values = first_error({
        take(settings, "role", request.role, parse_role),
        take(settings, "ttl", request.ttl_seconds, time(limits::token_ttl_seconds_max)),
        take(settings, "uses", request.uses, count(limits::token_uses_max)),
        take(settings, "key-ttl", request.key_ttl_seconds, time(key_ttl_seconds_max)),
        take(settings, "quota-vms", request.quota.vms, count(std::numeric_limits<std::uint32_t>::max())),
        take(settings, "quota-cpus", request.quota.cpus_milli, parse_cpus),
        take(settings, "quota-memory", request.quota.memory_bytes, parse_size),
        take(settings, "quota-ttl", request.quota.ttl_seconds, time(limits::ttl_seconds_max)),
        request.name.empty() ? Result<void>{} : about("name", protocol::check_name("name", request.name)),
    });
    if (!values) return fail(values.error());
    if (request.quota != protocol::Quota{} && request.role != protocol::Role::user) {
        return fail(ErrorCode::usage, "quotas hold for users: leave them out with --role " + *role);
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
