// update: what of a VM can change while it is there. docs/protocol.md "update".
#include "base/rule.hpp"
#include "broker/core/broker_core.hpp"
#include "protocol/validate.hpp"

namespace mc::broker {
namespace {

using protocol::Expiry;

std::uint64_t lived_seconds(const VmRecord& record, Now now) {
    const std::int64_t ms = now.wall.unix_ms - record.created.unix_ms;
    return ms <= 0 ? 0 : static_cast<std::uint64_t>(ms) / 1000;
}

/// The time to live from its creation on; 0 = for ever. Errors: wrong_state, invalid_argument.
Result<std::uint64_t> new_ttl(const VmRecord& record, const protocol::UpdateRequest& asked, Now now) {
    if (asked.expiry == Expiry::never) return std::uint64_t{0};
    std::uint64_t from = lived_seconds(record, now);
    if (asked.expiry == Expiry::later) {
        from = record.ttl_seconds();
        if (from == 0) {
            return fail(ErrorCode::wrong_state, record.spec.name +
                                                    " has no end that could be later; give it one with: mccli extend " +
                                                    record.spec.name + " --ttl DURATION");
        }
    }
    // The most that a create may ask for, from now on.
    if (from + asked.seconds > lived_seconds(record, now) + limits::ttl_seconds_max) {
        return fail(ErrorCode::invalid_argument, record.spec.name + " can live for 365 days more at most");
    }
    return from + asked.seconds;
}

}  // namespace

void BrokerCore::on_update(Now now, const Actor& actor, const Message& message) {
    const auto update = protocol::decode<protocol::UpdateRequest>(message.body);
    if (!update) return refuse(actor.peer, message.header, update.error());
    if (answer_repeat(now, actor, message)) return;

    const auto invalid = [&](const char* why) {
        refuse(actor.peer, message.header, {ErrorCode::invalid_argument, why});
    };
    if (update->targets.empty()) return invalid("no VM is named: name at least one");
    if (update->name.empty() && update->expiry == Expiry::keep) return invalid("nothing is to change");
    const bool moves = update->expiry == Expiry::from_now || update->expiry == Expiry::later;
    if (moves && (update->seconds < 1 || update->seconds > limits::ttl_seconds_max)) {
        return invalid("a VM's end can be moved by 1 second to 365 days");
    }
    if (!update->name.empty()) {
        if (update->targets.size() > 1) return invalid("several VMs can't have one name: name one VM");
        if (auto checked = protocol::check_name("VM name", update->name); !checked) {
            return refuse(actor.peer, message.header, checked.error());
        }
    }
    const auto count = static_cast<std::uint32_t>(update->targets.size());
    Request* request = accept(now, actor, message, count);
    if (!request) return;
    const RequestId id = request->record.id;
    request->record.vms.resize(count);
    for (std::uint32_t item = 0; item < count; ++item) {
        const std::string& target = update->targets[item];
        const auto found = vms_.find_target(target, actor);
        if (!found) {
            finish_item(now, id, item, nullptr, target, found.error());
            continue;
        }
        request->record.vms[item] = (*found)->record.id;
        finish_item(now, id, item, *found, target, update_vm(now, actor, id, **found, *update));
    }
}

Error BrokerCore::update_vm(Now now, const Actor& actor, RequestId id, Vm& vm, const protocol::UpdateRequest& asked) {
    VmRecord& record = vm.record;
    const std::string name = record.spec.name;
    if (record.intent == protocol::VmIntent::deleted) return {ErrorCode::wrong_state, name + " is being deleted"};
    std::uint64_t ttl = record.ttl_seconds();
    if (asked.expiry != Expiry::keep) {
        const auto wanted = new_ttl(record, asked, now);
        if (!wanted) return wanted.error();
        ttl = *wanted;
        const std::uint64_t most = actor.quota.ttl_seconds;
        if (most != 0 && (ttl == 0 || ttl > most) && rule_holds(Rule::quotas_hold)) {
            return {ErrorCode::quota_exceeded, "over your quota of time: " + name + " may live for " +
                                                   std::to_string(most) + " s from its creation at most"};
        }
    }
    if (!asked.name.empty() && asked.name != name) {
        // Its name is a part of what its create says, which may have to be said again.
        const bool there = record.state == VmState::running || record.state == VmState::stopped;
        if (!there) return {ErrorCode::wrong_state, name + " is " + std::string(name_of(record.state))};
        if (record.job) return {ErrorCode::busy, name + " has a job under way; try again when it has ended"};
        if (vms_.has_name(record.owner, asked.name)) {
            return {ErrorCode::already_exists, "there is a VM named " + asked.name + " already"};
        }
        vms_.rename(vm, asked.name);
        publish(now, protocol::event_kind::vm_renamed, vm, "it was " + name, id);
    }
    if (asked.expiry != Expiry::keep) {
        record.ttl_changed = true;
        record.ttl_seconds_changed = ttl;
        vms_.touch(vm);
        const std::uint64_t lived = lived_seconds(record, now);
        publish(
            now, protocol::event_kind::vm_extended, vm,
            ttl == 0 ? "it has no end any more" : "it ends in " + std::to_string(ttl > lived ? ttl - lived : 0) + " s",
            id);
    }
    return {ErrorCode::ok, ""};
}

}  // namespace mc::broker
