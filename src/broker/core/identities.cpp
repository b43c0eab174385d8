// Who may connect, who is behind a message, and what that one may. docs/security.md.
#include "base/rule.hpp"
#include "broker/core/broker_core.hpp"
#include "broker/core/is_due.hpp"
#include "protocol/audit.hpp"
#include "protocol/text.hpp"

namespace mc::broker {
namespace {

using protocol::Role;

/// So often at most one key's attempts at one verb that it is refused are written down.
constexpr seconds refusal_audit_interval{60};
/// So often at most it is written down that one key was barred: one that tries again after a restart is.
constexpr seconds bar_audit_interval{3600};

protocol::Quota quota_of(const protocol::Quota& own, const protocol::Quota& by_default) {
    return {own.vms ? own.vms : by_default.vms, own.cpus_milli ? own.cpus_milli : by_default.cpus_milli,
            own.memory_bytes ? own.memory_bytes : by_default.memory_bytes,
            own.ttl_seconds ? own.ttl_seconds : by_default.ttl_seconds};
}

}  // namespace

Result<Actor> BrokerCore::identify(Now now, const Caller& caller, Side side) {
    const bool clients = side == Side::clients;
    PeerTable& peers = clients ? client_peers_ : worker_peers_;
    const bool same = peers.bind(caller, [&](const PeerId& peer) {
        if (!clients) return nodes_.find_by_peer(peer) != nullptr;
        return requests_.waits(peer) != 0 || streams_.count_of_client(peer) != 0;
    });
    if (!same) {
        // Whoever had this routing id is gone, or it could not be another's: what waits for it is not for this one.
        if (clients) {
            forget_client(now, caller.peer);
        } else {
            nodes_.forget_peer(caller.peer);
        }
        return fail(ErrorCode::not_authorised,
                    "this connection's routing id was used with another key: connect without choosing one");
    }
    Actor actor{caller.peer, local_name, clients ? Role::admin : Role::worker, caller.key, "", {}};
    if (!caller.key) return actor;
    const KeyRecord* record = keys_.find_valid(*caller.key, now.wall);
    if (!record) {
        return fail(ErrorCode::not_authorised, "key " + caller.key->fingerprint() +
                                                   " is not authorised here (any longer): ask an admin for a token "
                                                   "(mccli token create)");
    }
    actor.name = record->name;
    actor.role = record->role;
    actor.fingerprint = caller.key->fingerprint();
    if (actor.role == Role::user) actor.quota = quota_of(record->quota, config_.quota);
    return actor;
}

Result<void> BrokerCore::permit(Now now, const Actor& actor, const protocol::Header& header) {
    if (role_may(actor.role, header.verb) || !rule_holds(Rule::deny_by_default)) return {};
    return fail(denial(now, actor, header, name_of(header.verb)));
}

Error BrokerCore::denial(Now now, const Actor& actor, const protocol::Header& header, std::string_view what) {
    Error error{ErrorCode::denied,
                "a key of role " + std::string(name_of(actor.role)) + " may not " + std::string(what)};
    if (refusal_is_told(now, actor, header.verb) && !read_only()) {
        audit(now, actor, what, "", error.code, header.id, "");
    }
    return error;
}

bool BrokerCore::refusal_is_told(Now now, const Actor& actor, Verb verb) {
    return is_due(refusals_audited_[{actor.fingerprint, verb}], now.instant, refusal_audit_interval);
}

bool BrokerCore::may_connect(Now now, Side side, const PublicKey& key) const {
    const KeyRecord* record = keys_.find_valid(key, now.wall);
    if (!record) return false;
    switch (side) {
        case Side::clients:
            return record->role != Role::worker;
        case Side::workers:
            return record->role == Role::worker;
        case Side::events:
            return record->role == Role::user || sees_all(record->role);
    }
    return false;
}

ConnectionLimits BrokerCore::connection_limits_of(Now now, const PublicKey& key) const {
    const KeyRecord* record = keys_.find_valid(key, now.wall);
    return record ? connection_limits(record->role) : ConnectionLimits{};
}

std::vector<std::string> BrokerCore::topics_for(Now now, const std::optional<PublicKey>& key) const {
    const std::vector<std::string> everything{protocol::topic_all, protocol::topic_of_owners, protocol::topic_beacon};
    if (!key) return everything;
    if (!may_connect(now, Side::events, *key)) return {};
    const KeyRecord& record = *keys_.find(*key);
    const bool all = sees_all(record.role) || !rule_holds(Rule::topics_are_per_owner);
    if (all) return everything;
    return {protocol::topic_of(record.name), protocol::topic_beacon};
}

void BrokerCore::on_barred(Now now, const PublicKey& key, const std::string& what) {
    const std::string fingerprint = key.fingerprint();
    const KeyRecord* record = keys_.find(key);
    log(LogLevel::warning, "key " + fingerprint + " has sent the socket for events " + what +
                               "; it is let in there no more until this broker is started anew. Is it in good hands? "
                               "See mccli keys, and revoke");
    if (read_only() || !record || !is_due(bar_audited_[fingerprint], now.instant, bar_audit_interval)) return;
    audit(now, broker_actor(), protocol::audit_bar, record->name, ErrorCode::ok, {},
          "key " + fingerprint + " has sent the socket for events " + what);
}

Result<bool> BrokerCore::ensure_admin(Now now, const PublicKey& key, const std::string& name) {
    const KeyRecord* known = keys_.find_valid(key, now.wall);
    if (known) return known->role == Role::admin;
    if (keys_.has_admin(now.wall) || keys_.has_fingerprint(key.fingerprint())) return false;
    if (read_only()) return fail(ErrorCode::store_failed, "can't make the first admin's key: " + read_only_why_);
    KeyRecord record;
    record.key = key;
    record.name = name;
    record.role = Role::admin;
    record.created = now.wall;
    keys_.add(std::move(record));
    audit(now, broker_actor(), "admin_key", name, ErrorCode::ok, {},
          "key " + key.fingerprint() + " of the first start");
    return true;
}

Actor BrokerCore::broker_actor() {
    return {{}, "broker", Role::admin, std::nullopt, "", {}};
}

void BrokerCore::audit(Now now, const Actor& actor, std::string_view action, std::string target, ErrorCode code,
                       RequestId request, std::string detail) {
    protocol::AuditEntry entry;
    entry.time = now.wall;
    entry.key = actor.fingerprint;
    entry.name = actor.name;
    entry.action = action;
    entry.target = std::move(target);
    entry.code = code;
    entry.request = request;
    entry.detail = std::move(detail);
    // Both may quote what a client sent: what is stored must be readable again.
    entry.target = protocol::to_utf8(entry.target, limits::target_bytes_max);
    entry.detail = protocol::to_utf8(entry.detail, limits::label_value_bytes_max);
    audit_.append(std::move(entry));
}

void BrokerCore::expire_keys(Now now) {
    std::vector<KeyRecord> expired;
    for (const KeyRecord* record : keys_.expired(now.wall)) expired.push_back(*record);
    for (const KeyRecord& record : expired) {
        audit(now, broker_actor(), "expire", record.name, ErrorCode::ok, {}, "key " + record.key.fingerprint());
        withdraw(now, record, "this key has expired");
    }
}

void BrokerCore::withdraw(Now now, const KeyRecord& gone, const std::string& why) {
    const KeyRecord record = gone;
    const Error error{ErrorCode::not_authorised, why};
    if (rule_holds(Rule::revoked_keys_are_gone)) keys_.remove(record.key);
    bar_audited_.erase(record.key.fingerprint());
    std::erase_if(refusals_audited_, [&](const auto& entry) { return entry.first.first == record.key.fingerprint(); });
    for (const PeerId& peer : client_peers_.of_key(record.key)) {
        if (!rule_holds(Rule::revocation_ends_what_is_open)) break;
        for (const Stream& stream : streams_.of_client(peer)) end_stream(now, stream, error);
        for (const auto& [id, verb] : requests_.waiting(peer)) refuse(peer, {.verb = verb, .id = id}, error);
        requests_.forget_waiter(peer);
    }
    for (const PeerId& peer : worker_peers_.of_key(record.key)) {
        const Node* node = nodes_.find_by_peer(peer);
        if (!node) continue;
        for (const Stream& stream : streams_.of_node(node->record.id)) {
            end_stream(now, stream,
                       {ErrorCode::node_unreachable, "the key of node " + node->record.name + " was revoked"});
        }
        log(LogLevel::info, "node " + node->record.name + ": " + why);
        nodes_.forget_peer(peer);
    }
    if (record.role == Role::user || sees_all(record.role)) effects_.rebind_events = true;
}

}  // namespace mc::broker
