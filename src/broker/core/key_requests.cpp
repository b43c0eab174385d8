// The verbs about keys: join, token_create, keys, revoke, audit. docs/protocol.md "Client verbs".
#include <algorithm>

#include "base/rule.hpp"
#include "broker/core/broker_core.hpp"
#include "protocol/validate.hpp"

namespace mc::broker {
namespace {

using protocol::decode;
using protocol::encode;
using protocol::Role;

Result<void> check_owner_name(const std::string& name) {
    if (auto r = protocol::check_name("name", name); !r) return r;
    if (name == local_name || name == "broker") {
        return fail(ErrorCode::invalid_argument, "the name " + name + " is reserved: choose another");
    }
    // `revoke NAME` would take back the key of that fingerprint, which may be another's.
    if (name.size() == PublicKey{}.fingerprint().size() &&
        name.find_first_not_of("0123456789abcdef") == std::string::npos) {
        return fail(ErrorCode::invalid_argument,
                    "the name " + name + " looks like the fingerprint of a key: choose another");
    }
    return {};
}

Result<void> check_token(const protocol::TokenCreateRequest& token) {
    const auto invalid = [](std::string why) { return fail(ErrorCode::invalid_argument, std::move(why)); };
    if (!token.key) return invalid("a token needs a key of its own");
    if (token.role == Role::joiner) return invalid("a token is for one of the roles worker, user, viewer and admin");
    if (!token.name.empty()) {
        if (auto r = check_owner_name(token.name); !r) return r;
    }
    if (token.ttl_seconds < 1 || token.ttl_seconds > limits::token_ttl_seconds_max) {
        return invalid("a token holds for 1 second to 30 days, not " + std::to_string(token.ttl_seconds) + " s");
    }
    if (token.uses < 1 || token.uses > limits::token_uses_max) {
        return invalid("a token admits 1 to 1000 keys, not " + std::to_string(token.uses));
    }
    if (token.key_ttl_seconds > static_cast<std::uint64_t>(INT64_MAX / 2000)) return invalid("keys can't hold so long");
    return {};
}

WallTime later(WallTime time, std::uint64_t seconds) {
    return {time.unix_ms + static_cast<std::int64_t>(seconds) * 1000};
}

Role role_of_owner(const KeyRecord& record) {
    return record.role == Role::joiner ? record.grants : record.role;
}

protocol::KeyView view_of(const KeyRecord& record) {
    return {.fingerprint = record.key.fingerprint(),
            .name = record.name,
            .role = record.role,
            .grants = record.grants,
            .uses_left = record.uses_left,
            .created = record.created,
            .expires = record.expires,
            .node = record.node,
            .quota = record.quota,
            .made_by = record.made_by};
}

}  // namespace

void BrokerCore::on_join(Now now, const Actor& actor, const Message& message) {
    const auto join = decode<protocol::JoinRequest>(message.body);
    if (!join) return refuse(actor.peer, message.header, join.error());
    auto admitted = admit(now, actor, *join);
    const KeyRecord* token = actor.key ? keys_.find(*actor.key) : nullptr;
    if (!admitted) {
        const std::string name = token && !token->name.empty() ? token->name : join->name;
        if (refusal_is_told(now, actor, Verb::join)) {
            audit(now, actor, name_of(Verb::join), name, admitted.error().code, message.header.id,
                  "key " + join->key.fingerprint());
        }
        return refuse(actor.peer, message.header, admitted.error());
    }
    const KeyRecord& record = **admitted;
    reply(actor.peer, message.header,
          encode(protocol::JoinReply{record.name, record.role, meta_.cloud, config_.endpoints.clients,
                                     config_.endpoints.workers, config_.endpoints.events}));
}

Result<const KeyRecord*> BrokerCore::admit(Now now, const Actor& actor, const protocol::JoinRequest& join) {
    const KeyRecord* held = actor.key ? keys_.find_valid(*actor.key, now.wall) : nullptr;
    if (!held) return fail(ErrorCode::denied, "joining takes a token: ask an admin for one (mccli token create)");
    KeyRecord token = *held;
    if (!join.key) return fail(ErrorCode::invalid_argument, "whoever joins needs a key of its own");
    const std::string fingerprint = join.key.fingerprint();
    const KeyRecord* known = keys_.find(join.key);
    const bool before = std::find(token.admitted.begin(), token.admitted.end(), fingerprint) != token.admitted.end();
    if (known && before) return known;  // a repeat
    if (before) return fail(ErrorCode::not_authorised, "this key has joined with this token before, and was revoked");
    if (keys_.has_fingerprint(fingerprint)) {
        return fail(ErrorCode::already_exists, "key " + fingerprint + " is authorised already: join with a new one");
    }
    if (token.uses_left == 0 && rule_holds(Rule::tokens_are_used_up)) {
        return fail(ErrorCode::not_authorised, "this token is used up: ask an admin for another (mccli token create)");
    }
    if (keys_.size() >= limits::client_keys_max) {
        return fail(ErrorCode::no_capacity, "this cloud has its most keys already (10000): revoke some");
    }
    std::string name = token.name;
    if (name.empty()) {
        // What is of that name, also of somebody who is no longer here, is not for whoever says it first.
        name = join.name;
        if (auto r = check_owner_name(name); !r) return fail(r.error());
        const bool had_requests = !requests_.newest(1, name).empty();
        const auto told = events_.replay({EventSeq{}, 1}, [&](const protocol::Event& e) { return e.owner == name; });
        if (!keys_.named(name).empty() || vms_.usage(name).vms != 0 || had_requests || !told.events.empty()) {
            return fail(ErrorCode::already_exists, "the name " + name + " is taken: choose another with --name");
        }
    }
    KeyRecord record;
    record.key = join.key;
    record.name = std::move(name);
    record.role = token.grants;
    record.created = now.wall;
    if (token.key_ttl_seconds != 0) record.expires = later(now.wall, token.key_ttl_seconds);
    record.quota = token.quota;
    record.made_by = actor.fingerprint;
    --token.uses_left;
    token.admitted.push_back(fingerprint);
    keys_.set(std::move(token));
    audit(now, actor, name_of(Verb::join), record.name, ErrorCode::ok, {}, "key " + fingerprint);
    return &keys_.add(std::move(record));
}

void BrokerCore::on_token_create(Now now, const Actor& actor, const Message& message) {
    const auto asked = decode<protocol::TokenCreateRequest>(message.body);
    if (!asked) return refuse(actor.peer, message.header, asked.error());
    if (answer_repeat(now, actor, message)) return;
    if (auto checked = check_token(*asked); !checked) return refuse(actor.peer, message.header, checked.error());
    Request* request = accept(now, actor, message, 1);
    if (!request) return;
    finish_item(now, request->record.id, 0, nullptr, asked->name, make_token(now, actor, *asked));
}

Error BrokerCore::make_token(Now now, const Actor& actor, const protocol::TokenCreateRequest& asked) {
    if (keys_.has_fingerprint(asked.key.fingerprint())) {
        return {ErrorCode::already_exists, "there is a key " + asked.key.fingerprint() + " already: make a new one"};
    }
    if (keys_.size() >= limits::client_keys_max) {
        return {ErrorCode::no_capacity, "this cloud has its most keys already (10000): revoke some"};
    }
    for (const KeyRecord* other : keys_.named(asked.name)) {
        if (asked.name.empty() || role_of_owner(*other) == asked.role) continue;
        return {ErrorCode::already_exists, asked.name + " has the role " + std::string(name_of(role_of_owner(*other))) +
                                               ": choose another name, or revoke that one first"};
    }
    KeyRecord token;
    token.key = asked.key;
    token.name = asked.name;
    token.role = Role::joiner;
    token.created = now.wall;
    token.expires = later(now.wall, asked.ttl_seconds);
    token.quota = asked.quota;
    token.made_by = actor.fingerprint;
    token.grants = asked.role;
    token.uses_left = asked.uses;
    token.key_ttl_seconds = asked.key_ttl_seconds;
    keys_.add(std::move(token));
    return {ErrorCode::ok, ""};
}

void BrokerCore::on_keys(const Actor& actor, const Message& message) {
    const auto asked = decode<protocol::KeysRequest>(message.body);
    if (!asked) return refuse(actor.peer, message.header, asked.error());
    protocol::KeysReply body;
    bool more = false;
    const std::size_t limit = std::clamp<std::size_t>(asked->limit, 1, limits::page_max);
    for (const KeyRecord* record : keys_.page(asked->after, limit, more)) body.keys.push_back(view_of(*record));
    if (more) body.next = body.keys.back().fingerprint;
    reply(actor.peer, message.header, encode(body));
}

void BrokerCore::on_revoke(Now now, const Actor& actor, const Message& message) {
    const auto asked = decode<protocol::RevokeRequest>(message.body);
    if (!asked) return refuse(actor.peer, message.header, asked.error());
    if (answer_repeat(now, actor, message)) return;
    if (asked->targets.empty()) {
        return refuse(actor.peer, message.header, {ErrorCode::invalid_argument, "no key is named: name at least one"});
    }
    const auto count = static_cast<std::uint32_t>(asked->targets.size());
    Request* request = accept(now, actor, message, count);
    if (!request) return;
    const RequestId id = request->record.id;
    for (std::uint32_t item = 0; item < count; ++item) {
        finish_item(now, id, item, nullptr, asked->targets[item], revoke(now, actor, asked->targets[item]));
    }
}

Error BrokerCore::revoke(Now now, const Actor& actor, const std::string& target) {
    std::vector<KeyRecord> found;
    for (const KeyRecord* record : keys_.matching(target)) found.push_back(*record);
    if (found.empty()) {
        return {ErrorCode::not_found, "there is no key or user " + target + "; see them with: mccli keys list"};
    }
    if (std::any_of(found.begin(), found.end(), [&](const KeyRecord& r) { return r.key == actor.key; })) {
        return {ErrorCode::invalid_argument,
                "that is the key you use: have another admin revoke it, or revoke by fingerprint what else is of " +
                    target};
    }
    for (const KeyRecord& record : found) withdraw(now, record, "this key was revoked");
    return {ErrorCode::ok, ""};
}

void BrokerCore::on_audit(const Actor& actor, const Message& message) {
    const auto asked = decode<protocol::AuditRequest>(message.body);
    if (!asked) return refuse(actor.peer, message.header, asked.error());
    reply(actor.peer, message.header, encode(audit_.page(*asked)));
}

}  // namespace mc::broker
