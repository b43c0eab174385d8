#include "cli/core/key_views.hpp"

#include <algorithm>
#include <tuple>

#include "cli/core/json_helpers.hpp"
#include "cli/core/quantities.hpp"
#include "cli/core/table.hpp"

namespace mc::cli {
namespace {

using protocol::KeyView;
using protocol::Role;

std::vector<KeyView> sorted(std::vector<KeyView> keys) {
    std::sort(keys.begin(), keys.end(), [](const KeyView& a, const KeyView& b) {
        return std::tie(a.name, a.fingerprint) < std::tie(b.name, b.fingerprint);
    });
    return keys;
}

std::string age_of(const KeyView& key, WallTime now) {
    return format_age(milliseconds(now.unix_ms - key.created.unix_ms));
}

std::string time_left(const KeyView& key, WallTime now) {
    if (key.expires.unix_ms == 0) return "";
    return "in " + format_age(milliseconds(key.expires.unix_ms - now.unix_ms));
}

template <class Number>
Json number_or_null(Number number) {
    return number == 0 ? Json(nullptr) : Json(number);
}

Json quota_json(const protocol::Quota& quota) {
    return Json{{"vms", number_or_null(quota.vms)},
                {"cpus", number_or_null(static_cast<double>(quota.cpus_milli) / 1000.0)},
                {"memory_bytes", number_or_null(quota.memory_bytes)},
                {"ttl_seconds", number_or_null(quota.ttl_seconds)}};
}

/// `role` is the one that counts for a person: of a token, what it admits.
Json common_json(const KeyView& key, Role role) {
    Json out;
    out["fingerprint"] = key.fingerprint;
    out["name"] = text_or_null(key.name);
    out["role"] = std::string(name_of(role));
    out["created"] = time_or_null(key.created);
    out["expires"] = time_or_null(key.expires);
    out["quota"] = quota_json(key.quota);
    out["made_by"] = text_or_null(key.made_by);
    return out;
}

}  // namespace

std::vector<KeyView> only_keys(std::vector<KeyView> listed) {
    std::erase_if(listed, [](const KeyView& key) { return key.role == Role::joiner; });
    return sorted(std::move(listed));
}

std::vector<KeyView> only_tokens(std::vector<KeyView> listed) {
    std::erase_if(listed, [](const KeyView& key) { return key.role != Role::joiner; });
    return sorted(std::move(listed));
}

std::string quota_text(const protocol::Quota& quota) {
    std::string out;
    const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
    if (quota.vms != 0) add(std::to_string(quota.vms) + (quota.vms == 1 ? " VM" : " VMs"));
    if (quota.cpus_milli != 0) add(format_cpus(quota.cpus_milli) + " cpus");
    if (quota.memory_bytes != 0) add(format_size(quota.memory_bytes));
    if (quota.ttl_seconds != 0) add("ttl " + format_age(seconds(static_cast<std::int64_t>(quota.ttl_seconds))));
    return out;
}

std::string text_new_token(const NewToken& made) {
    const auto& request = made.request;
    const std::string role(name_of(request.role));
    std::string out =
        "a token for " + (request.uses == 1 ? "one " + role : std::to_string(request.uses) + " " + role + "s");
    if (!request.name.empty()) out += " named " + request.name;
    out += ", good for " + format_age(seconds(static_cast<std::int64_t>(request.ttl_seconds)));
    out += "; its fingerprint is " + request.key.fingerprint() + "\n\n";
    out += std::string("  ") + (request.role == Role::worker ? "mcworker" : "mccli") + " join " + made.token + "\n\n";
    return out + "It is shown only here. Who has it can join: hand it over by a way that you both trust.\n";
}

Json json_new_token(const NewToken& made) {
    const auto& request = made.request;
    Json out;
    out["token"] = made.token;
    out["fingerprint"] = request.key.fingerprint();
    out["name"] = text_or_null(request.name);
    out["role"] = std::string(name_of(request.role));
    out["uses"] = request.uses;
    out["ttl_seconds"] = request.ttl_seconds;
    out["key_ttl_seconds"] = number_or_null(request.key_ttl_seconds);
    out["quota"] = quota_json(request.quota);
    out["endpoint"] = made.endpoint;
    return out;
}

std::string text_keys(const std::vector<KeyView>& keys, WallTime now, const TextStyle& style) {
    const std::vector<Column> columns{
        {"NAME", false, 10},  {"ROLE", false, 9},  {"FINGERPRINT", false, 8}, {"AGE", true, 5},
        {"EXPIRES", true, 6}, {"QUOTA", false, 4}, {"NODE", false, 2},        {"MADE BY", false, 3},
    };
    std::vector<std::vector<Cell>> rows;
    for (const auto& key : keys) {
        rows.push_back({{key.name, Colour::bold},
                        {std::string(name_of(key.role))},
                        {key.fingerprint},
                        {age_of(key, now)},
                        {time_left(key, now)},
                        {quota_text(key.quota)},
                        {key.node ? key.node.str() : ""},
                        {key.made_by}});
    }
    return rows.empty() ? "" : layout_table(columns, rows, style);
}

std::string text_tokens(const std::vector<KeyView>& tokens, WallTime now, const TextStyle& style) {
    const std::vector<Column> columns{
        {"FINGERPRINT", false, 10}, {"FOR", false, 9},    {"NAME", false, 8},  {"USES LEFT", true, 7},
        {"AGE", true, 5},           {"EXPIRES", true, 6}, {"QUOTA", false, 4}, {"MADE BY", false, 3},
    };
    std::vector<std::vector<Cell>> rows;
    for (const auto& token : tokens) {
        rows.push_back({{token.fingerprint, Colour::bold},
                        {std::string(name_of(token.grants))},
                        {token.name},
                        {std::to_string(token.uses_left), token.uses_left == 0 ? Colour::dim : Colour::plain},
                        {age_of(token, now)},
                        {time_left(token, now)},
                        {quota_text(token.quota)},
                        {token.made_by}});
    }
    return rows.empty() ? "" : layout_table(columns, rows, style);
}

Json json_keys(const std::vector<KeyView>& keys) {
    Json out = Json::array();
    for (const auto& key : keys) {
        out.push_back(common_json(key, key.role));
        out.back()["node"] = key.node ? Json(key.node.str()) : Json(nullptr);
    }
    return out;
}

Json json_tokens(const std::vector<KeyView>& tokens) {
    Json out = Json::array();
    for (const auto& token : tokens) {
        out.push_back(common_json(token, token.grants));
        out.back()["uses_left"] = token.uses_left;
    }
    return out;
}

}  // namespace mc::cli
