#include "sim/access_checker.hpp"

#include <algorithm>

#include "broker/core/records.hpp"
#include "broker/core/vm_table.hpp"
#include "protocol/codec.hpp"
#include "sim/engine_text.hpp"

namespace mc::sim {
namespace {

using broker::Table;
using protocol::Kind;
using protocol::Role;
using protocol::Verb;

bool acts_on_vms(Verb verb) {
    return verb == Verb::start || verb == Verb::stop || verb == Verb::restart || verb == Verb::remove ||
           verb == Verb::update || (protocol::stream_order(verb).has_value() && verb != Verb::images);
}

/// What a request may be refused with as a whole, whatever it is about.
bool says_nothing_of_a_vm(ErrorCode code) {
    return code == ErrorCode::denied || code == ErrorCode::not_authorised || code == ErrorCode::request_conflict ||
           code == ErrorCode::store_failed || code == ErrorCode::deadline_exceeded;
}

std::string quoted(const Person& who, Verb verb) {
    return who.name + "'s " + std::string(protocol::name_of(verb));
}

}  // namespace

bool AccessChecker::may_say(Role role, Verb verb) {
    switch (role) {
        case Role::joiner:
            return verb == Verb::join || verb == Verb::hello;
        case Role::worker:
            return false;
        case Role::viewer:
            return verb == Verb::hello || verb == Verb::list || verb == Verb::info || verb == Verb::nodes ||
                   verb == Verb::events || verb == Verb::beacon || verb == Verb::job || verb == Verb::jobs ||
                   verb == Verb::keys || verb == Verb::audit || verb == Verb::usage || verb == Verb::images;
        case Role::user:
            return (verb <= Verb::cancel && verb != Verb::nodes) || verb == Verb::tunnel || verb == Verb::usage ||
                   verb == Verb::update;
        case Role::admin:
            return verb != Verb::join;
    }
    return false;
}

bool AccessChecker::may_change(const Person& who, const std::string& owner) {
    return who.is_admin || (who.role == Role::user && (owner == who.name || owner.empty()));
}

void AccessChecker::asked(const Person& who, RequestId id, Verb verb, std::vector<std::string> targets) {
    if (verb != Verb::join && !may_say(who.role, verb)) world_.fired(Fault::denied_verb_asked);
    if (who.role == Role::user && acts_on_vms(verb)) {
        const bool others = std::any_of(targets.begin(), targets.end(),
                                        [&](const std::string& target) { return is_anothers(who, target); });
        if (others) world_.fired(Fault::others_vm_asked);
    }
    asks_.try_emplace(id, Ask{&who, verb, std::move(targets)});
}

void AccessChecker::asked(const Person& who, const cli::Request& request) {
    std::vector<std::string> targets;
    if (request.verb == Verb::info) {
        if (auto info = protocol::decode<protocol::InfoRequest>(request.body)) targets.push_back(info->target);
    } else if (acts_on_vms(request.verb)) {
        if (auto action = protocol::decode<protocol::ActionRequest>(request.body)) targets = action->targets;
    }
    asked(who, request.id, request.verb, std::move(targets));
}

std::string AccessChecker::owner_of(VmId vm) const {
    const auto found = owners_.find(vm);
    return found == owners_.end() ? "" : found->second;
}

const Person* AccessChecker::author_of(RequestId id) const {
    const auto found = asks_.find(id);
    return found == asks_.end() ? nullptr : found->second.who;
}

void AccessChecker::event_committed(const protocol::Event& event) {
    const std::string owner = owner_of(event.vm);
    owners_of_events_[event.seq.value] = event.vm && owner.empty() ? event.owner : owner;
}

bool AccessChecker::sees(const Person& who, const protocol::Event& event) const {
    return who.sees_all() || (event.vm && owners_of_events_.at(event.seq.value) == who.name);
}

void AccessChecker::committed(std::span<const StoreChange> changes) {
    outcomes_.clear();
    audited_.clear();
    vms_changed_ = false;
    for (const auto& change : changes) {
        switch (static_cast<Table>(change.table)) {
            case Table::vms:
                on_vm_row(change);
                break;
            case Table::requests:
                on_request_row(change);
                break;
            case Table::request_items:
                if (change.value) ++outcomes_[broker::item_of_row(change.key).request];
                break;
            case Table::keys:
                on_key_row(change);
                break;
            case Table::audit:
                if (!change.value) break;
                if (const auto entry = protocol::decode<protocol::AuditEntry>(*change.value)) on_audit_entry(*entry);
                break;
            default:
                break;
        }
    }
    if (vms_changed_) check_quotas();
    for (const auto& [id, count] : outcomes_) {
        const auto audited = audited_.find(id);
        if (audited == audited_.end() || audited->second < count) {
            return world_.violated("request " + id.str() + " had " + std::to_string(count) +
                                   " outcomes, and the audit log does not tell of all of them");
        }
    }
}

void AccessChecker::on_vm_row(const StoreChange& change) {
    if (!change.value) {
        has_.erase(change.key);
        return;
    }
    const auto vm = protocol::decode<broker::VmRecord>(*change.value);
    if (!vm) return world_.violated("a VM's row that can't be read");
    names_.insert(broker::full_name(vm->owner, vm->spec.name));  // it may have been renamed
    if (has_.contains(change.key)) return;
    const Person* author = author_of(vm->request);
    if (!author) return world_.violated("VM " + vm->spec.name + " was made, and nobody had asked for it");
    if (vm->owner != author->name || !may_change(*author, author->name)) {
        return world_.violated(author->name + " asked for VM " + vm->spec.name + ", and it is " + vm->owner + "'s");
    }
    owners_[vm->id] = author->name;
    has_[change.key] = {author->name, vm->spec.cpus_milli, vm->spec.memory_bytes, vm->spec.ttl_seconds};
    vms_changed_ = true;
}

void AccessChecker::check_quotas() {
    for (std::size_t i = 0; i < People::users; ++i) {
        const Person& who = people_.user(i);
        const protocol::Quota& most = who.holds;
        protocol::Quota used;
        for (const auto& [key, vm] : has_) {
            if (vm.owner != who.name) continue;
            ++used.vms;
            used.cpus_milli += vm.cpus_milli;
            used.memory_bytes += vm.memory_bytes;
            used.ttl_seconds = std::max(used.ttl_seconds, vm.ttl_seconds == 0 ? UINT64_MAX : vm.ttl_seconds);
        }
        if ((most.vms != 0 && used.vms > most.vms) || (most.cpus_milli != 0 && used.cpus_milli > most.cpus_milli) ||
            (most.memory_bytes != 0 && used.memory_bytes > most.memory_bytes) ||
            (most.ttl_seconds != 0 && used.ttl_seconds > most.ttl_seconds)) {
            return world_.violated(who.name + " has more than its quota: " + std::to_string(used.vms) + " VMs");
        }
    }
}

void AccessChecker::on_request_row(const StoreChange& change) {
    if (!change.value) return;
    const RequestId id = broker::request_of_row(change.key);
    const auto record = protocol::decode<broker::RequestRecord>(*change.value);
    if (!record) return world_.violated("a request's row that can't be read");
    const auto ask = asks_.find(id);
    if (ask == asks_.end()) return world_.violated("a request was accepted that nobody asked: " + id.str());
    const Person& who = *ask->second.who;
    const std::string what = quoted(who, record->verb);
    for (const VmId vm : record->vms) {
        if (vm && !may_change(who, owner_of(vm))) {
            return world_.violated(what + " is about VM " + vm.str() + ", which is " + owner_of(vm) + "'s");
        }
    }
    if (!requests_.insert(change.key).second) return;
    const Holder* holder = record->key.empty() ? nullptr : people_.holder_of(record->key);
    if (record->owner != who.name || record->verb != ask->second.verb ||
        (holder ? holder->person != &who : who.key.has_value())) {
        return world_.violated(what + " was accepted as another's, or as something else");
    }
    if (!may_say(who.role, record->verb)) return world_.violated(what + " was accepted, which it may not ask");
    if (withdrawn_fingerprints_.contains(record->key))
        return world_.violated(what + " was accepted with a key that had been taken back");
}

void AccessChecker::on_key_row(const StoreChange& change) {
    const auto key = PublicKey::from_bytes(change.key);
    if (!key) return world_.violated("a key's row that can't be read");
    if (!change.value) return withdrawing_.push_back(*key);
    const auto record = protocol::decode<broker::KeyRecord>(*change.value);
    if (!record) return world_.violated("a key's row that can't be read");
    if (record->node) bound_.insert(*key);
    const Holder* holder = people_.holder_of(*key);
    if (!holder || holder->role != record->role || (holder->person && holder->person->name != record->name)) {
        return world_.violated("a key was admitted that nobody has asked to admit, or as another's: " + record->name);
    }
    if (withdrawn_.contains(*key)) return world_.violated("a key that had been taken back was admitted again");
    if (record->role == Role::joiner) {
        // As it was made: with each use it says one less.
        uses_.try_emplace(key->fingerprint(), record->uses_left + static_cast<std::uint32_t>(record->admitted.size()));
        const std::size_t admitted = admitted_[key->fingerprint()] = record->admitted.size();
        if (admitted > uses_.at(key->fingerprint())) world_.violated("a token has admitted more keys than it may");
    }
}

void AccessChecker::on_audit_entry(const protocol::AuditEntry& entry) {
    if (const auto wrong = chain_.add(entry)) return world_.violated("the audit log: " + *wrong);
    ++audited_[entry.request];
    const std::string what = "the audit log says that " + entry.name + " did " + entry.action + " to " + entry.target;
    if (entry.name == "broker") return;
    const Holder* holder = entry.key.empty() ? nullptr : people_.holder_of(entry.key);
    const bool of_worker = holder && !holder->person && entry.action == protocol::name_of(Verb::node_register);
    if (!entry.key.empty() && !of_worker && (!holder || !holder->person || holder->person->name != entry.name)) {
        return world_.violated(what + ", and the key is not theirs");
    }
    if (entry.key.empty() && entry.name != broker::local_name) return world_.violated(what + ", without a key");
    const auto ask = asks_.find(entry.request);
    if (ask == asks_.end() || entry.code == ErrorCode::denied) return;
    const Person& who = *ask->second.who;
    const bool cancels = entry.action == protocol::name_of(Verb::cancel);
    if (cancels) {
        // Of the request that is cancelled.
        const Person* by = holder ? holder->person : nullptr;
        if (by && !may_change(*by, who.name)) world_.violated(what + ", which is " + who.name + "'s");
        return;
    }
    if (entry.action != protocol::name_of(ask->second.verb) || entry.name != who.name) {
        return world_.violated(what + ", and it was " + quoted(who, ask->second.verb));
    }
    if (entry.code == ErrorCode::ok && !may_say(who.role, ask->second.verb)) {
        return world_.violated(what + ", which it may not");
    }
    if (who.role == Role::user && acts_on_vms(ask->second.verb) && entry.code != ErrorCode::not_found &&
        !entry.target.starts_with(who.name + '/')) {
        return world_.violated(what + ", which is another's");
    }
}

void AccessChecker::broker_started(const Store& store) {
    turn_told();
    protocol::AuditChain chain;
    const auto table = static_cast<std::uint8_t>(Table::audit);
    for (auto it = store.lower_bound({table, ""}); it != store.end() && it->first.first == table; ++it) {
        const auto entry = protocol::decode<protocol::AuditEntry>(it->second);
        if (!entry) return world_.violated("an audit entry that can't be read");
        if (const auto wrong = chain.add(*entry)) return world_.violated("the kept audit log: " + *wrong);
    }
    if (const auto wrong = chain.end()) return world_.violated("the kept audit log: " + *wrong);
    if (chain.count() > 0 && chain.last().hash != chain_.last().hash) {
        world_.violated("the kept audit log ends with another entry than the last that was committed");
    }
}

void AccessChecker::turn_told() {
    for (const PublicKey& key : withdrawing_) {
        withdrawn_.insert(key);
        withdrawn_fingerprints_.insert(key.fingerprint());
    }
    withdrawing_.clear();
}

void AccessChecker::client_told(const std::optional<PublicKey>& key, const protocol::Message& message) {
    if (!key) return;
    const protocol::Header& header = message.header;
    const Holder* holder = people_.holder_of(*key);
    if (!holder || !holder->person) return world_.violated("somebody was answered whom nobody knows");
    const Person& who = *holder->person;
    const bool refused = header.kind == Kind::reply && header.value == protocol::reply_value::error;
    if (refused) {
        const bool holds = holder->role != Role::joiner && !withdrawn_.contains(*key) &&
                           std::find(withdrawing_.begin(), withdrawing_.end(), *key) == withdrawing_.end();
        if (header.code == ErrorCode::not_authorised && holds) {
            return world_.violated(who.name + " was refused, and the key is as good as ever");
        }
        if (who.role == Role::user) check_refusal(who, message);
        return;
    }
    const std::string what = quoted(who, header.verb) + " was answered";
    if (withdrawn_.contains(*key)) return world_.violated(what + ", with a key that had been taken back");
    if (!may_say(holder->role, header.verb)) return world_.violated(what + ", which it may not ask");
    if (holder->role == Role::user) check_contents(who, message);
}

void AccessChecker::check_vm(const Person& who, const protocol::VmView& vm) {
    const std::string owner = owner_of(vm.id);
    if (vm.owner != who.name || (!owner.empty() && owner != who.name)) {
        world_.violated(who.name + " was shown " + vm.owner + "'s VM " + vm.name);
    }
}

void AccessChecker::check_request(const Person& who, RequestId id) {
    const Person* author = author_of(id);
    if (author && author->name != who.name) {
        world_.violated(who.name + " was told about a request of " + author->name);
    }
}

void AccessChecker::check_items(const Person& who, RequestId id, const std::vector<protocol::ItemResult>& items) {
    const auto ask = asks_.find(id);
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto& item = items[i];
        if (item.vm) {
            // Also of one that came and went within one commit, and was in no row.
            check_vm(who, *item.vm);
            continue;
        }
        if (ask == asks_.end() || !acts_on_vms(ask->second.verb) || i >= ask->second.targets.size()) continue;
        const std::string& target = ask->second.targets[i];
        if (!is_anothers(who, target)) continue;
        if (item.code != ErrorCode::not_found || item.target != target ||
            item.message != "there is no VM named " + target + "; see yours with: mccli list") {
            world_.violated(who.name + " was told of another's VM: " + target + ": " + item.message);
        }
    }
}

void AccessChecker::check_contents(const Person& who, const protocol::Message& message) {
    const protocol::Header& header = message.header;
    check_request(who, header.id);
    if (header.kind != Kind::reply) return;
    const auto unreadable = [&] { world_.violated("a reply that can't be read"); };
    if (protocol::has_items(header.verb)) {
        const auto reply = protocol::decode<protocol::ItemsReply>(message.body);
        return reply ? check_items(who, header.id, reply->items) : unreadable();
    }
    if (header.verb == Verb::list) {
        const auto reply = protocol::decode<protocol::ListReply>(message.body);
        if (!reply) return unreadable();
        for (const auto& vm : reply->vms) check_vm(who, vm);
    } else if (header.verb == Verb::usage) {
        const auto reply = protocol::decode<protocol::UsageReply>(message.body);
        if (!reply) return unreadable();
        for (const auto& usage : reply->vms) {
            const std::string owner = owner_of(usage.vm);
            if (!owner.empty() && owner != who.name) {
                world_.violated(who.name + " was told what another's VM uses: " + usage.vm.str());
            }
            // A counter that began anew makes a rate smaller, never larger.
            if (usage.cpu_milli > usage_cpu_milli || usage.memory_bytes != usage_memory_bytes) {
                world_.violated("VM " + usage.vm.str() + " is said to use what it does not");
            }
        }
    } else if (header.verb == Verb::info) {
        const auto reply = protocol::decode<protocol::InfoReply>(message.body);
        return reply ? check_vm(who, reply->vm) : unreadable();
    } else if (header.verb == Verb::jobs) {
        const auto reply = protocol::decode<protocol::JobsReply>(message.body);
        if (!reply) return unreadable();
        for (const auto& job : reply->jobs) check_request(who, job.request);
    } else if (header.verb == Verb::job || (header.verb == Verb::cancel && !message.body.empty())) {
        const auto reply = protocol::decode<protocol::JobReply>(message.body);
        if (!reply) return unreadable();
        check_request(who, reply->job.request);
        check_items(who, reply->job.request, reply->job.items);
    } else if (header.verb == Verb::events) {
        const auto reply = protocol::decode<protocol::EventsReply>(message.body);
        if (!reply) return unreadable();
        for (const auto& event : reply->events) event_received(who, event);
    }
}

void AccessChecker::event_received(const Person& who, const protocol::Event& event) {
    if (sees(who, event)) return;
    world_.violated(who.name + " was sent event " + std::to_string(event.seq.value) + ", " + event.kind + " of " +
                    (event.vm ? event.owner + '/' + event.name : event.node));
}

bool AccessChecker::is_anothers(const Person& who, const std::string& target) const {
    if (names_.contains(broker::full_name(who.name, target)) || target.starts_with(who.name + '/')) return false;
    const auto id = VmId::parse(target);
    return !id || owner_of(*id) != who.name;
}

void AccessChecker::check_refusal(const Person& who, const protocol::Message& message) {
    const auto ask = asks_.find(message.header.id);
    if (ask == asks_.end() || ask->second.targets.size() != 1 || says_nothing_of_a_vm(message.header.code)) return;
    const std::string& target = ask->second.targets.front();
    if (ask->second.who != &who || !is_anothers(who, target)) return;
    const auto error = protocol::decode<protocol::ErrorBody>(message.body);
    const bool nothing = error && message.header.code == ErrorCode::not_found &&
                         (error->message == "there is no VM named " + target + "; see yours with: mccli list" ||
                          error->message == "this stream has ended");
    if (nothing) return;
    world_.violated(who.name + " was told of another's VM: " + target + ": " +
                    (error ? error->message : "what can't be read"));
}

std::string AccessChecker::compare(const Person& who, const std::vector<protocol::VmView>& own,
                                   const std::vector<protocol::VmView>& all) const {
    const auto ids = [&](const std::vector<protocol::VmView>& vms) {
        std::set<VmId> found;
        for (const auto& vm : vms) {
            if (owner_of(vm.id) == who.name) found.insert(vm.id);
        }
        return found;
    };
    if (own.size() == ids(own).size() && ids(own) == ids(all)) return {};
    return who.name + " is shown " + std::to_string(own.size()) + " VMs, and has " + std::to_string(ids(all).size());
}

}  // namespace mc::sim
