// What becomes of VMs whose node is lost or drained. docs/architecture.md "Lost node", "Drain"; ADR 11.
#include <algorithm>
#include "base/rule.hpp"

#include "broker/core/broker_core.hpp"

namespace mc::broker {
namespace {

/// Of a stop that a drain ordered, and of a replacement that found no room.
constexpr seconds replace_retry_interval{10};
/// Of a replacement whose create failed: doubled each time, as each try costs a tombstone.
constexpr seconds retry_interval_max{640};

constexpr std::uint32_t drain_grace_seconds = 10;

}  // namespace

void BrokerCore::tend_nodes(Now now) {
    for (auto& [id, node] : nodes_.all()) {
        if (node.silent && !node.lost &&
            (now.instant - node.silent_since >= config_.lost_after || !rule_holds(Rule::silent_is_not_lost))) {
            node.lost = true;
            publish(now, protocol::event_kind::node_lost, node.record.name,
                    "silent for " + std::to_string(config_.lost_after.count()) + " s");
        }
        if (node.lost) replace_all(now, node, "node " + node.record.name + " is lost");
        if (node.record.drain) tend_drain(now, node);
    }
    retry_replacements(now);
}

bool BrokerCore::may_be_replaced(Now now, const Vm& vm) {
    const bool wanted = vm.record.on_lost == protocol::OnLost::replace || !rule_holds(Rule::keep_means_keep);
    return wanted && vm.record.intent == VmIntent::running && !vm.record.has_expired(now.wall);
}

bool BrokerCore::is_unmade(const Vm& vm) {
    return vm.record.replacement && vm.record.intent == VmIntent::running && !vm.record.job && !vm.record.report.vm;
}

void BrokerCore::replace_all(Now now, Node& node, const std::string& why) {
    const auto vms = node.vms;
    for (const VmId id : vms) {
        Vm& vm = *vms_.find(id);
        // Where there is no room for one there may be for a smaller one.
        if (may_be_replaced(now, vm) && now.instant >= vm.retry_at && !replace(now, vm, why)) {
            vm.retry_at = now.instant + replace_retry_interval;
        }
    }
}

bool BrokerCore::replace(Now now, Vm& vm, const std::string& why) {
    // One whose last try failed holds a slot there, and may be tried there again: in a cloud that is
    // full otherwise it would wait for ever for room that it takes itself.
    auto node = nodes_.place(
        {vm.record.spec, vm.record.owner, vm.record.placement, "", !vm.record.setup.empty(), vm.record.id});
    if (!node) return false;
    const int tries = vm.replace_tries;
    VmRecord next = vm.record;
    next.id = new_vm_id(now);
    next.node = {};
    next.state = VmState::pending;
    next.reason.clear();
    next.report = {};
    // A create that nobody has an answer to may still fail; a VM that somebody had is made until it is there.
    next.replacement = vm.record.replacement || !vm.record.job || vm.record.job->verb != Verb::vm_create;
    // Who waits for the create of the old one waits for this one now; anything else has come to nothing.
    JobRecord create{next_job_id(), Verb::vm_create, {}, 0, 0};
    if (vm.record.job && vm.record.job->verb == Verb::vm_create) {
        create.request = vm.record.job->request;
        create.item = vm.record.job->item;
        if (Request* request = requests_.find(create.request)) {
            request->record.vms[create.item] = next.id;
            requests_.touch(*request);
        }
        vms_.clear_job(vm);
    } else {
        cancel_job(now, vm, why);
    }
    next.job = create;
    forget_vm(now, vm, protocol::event_kind::vm_replaced, why + "; it is made anew on " + (*node)->record.name,
              create.request);
    Vm& fresh = vms_.add(std::move(next), now.instant);
    fresh.replace_tries = tries;
    place(now, fresh, **node);
    return true;
}

void BrokerCore::fail_replacement(Now now, Vm& vm, const Error& error) {
    // Somebody had this VM: it is not given up because one node could not make it. It keeps its
    // name, and is tried anew, under another id, as what is left of this attempt may still turn up.
    vm.record.reason = error.message;
    const milliseconds wait = replace_retry_interval * (1 << std::min(vm.replace_tries++, 6));
    vm.retry_at = now.instant + std::min<milliseconds>(wait, retry_interval_max);
    vms_.touch(vm);
    log(LogLevel::warning, vm.record.spec.name + " could not be made anew: " + error.message);
}

void BrokerCore::retry_replacements(Now now) {
    std::vector<Vm*> due;
    for (Vm* vm : vms_.restless()) {
        if (is_unmade(*vm) && now.instant >= vm->retry_at) due.push_back(vm);
    }
    for (Vm* vm : due) {
        if (!replace(now, *vm, "its create failed: " + vm->record.reason))
            vm->retry_at = now.instant + replace_retry_interval;
    }
}

void BrokerCore::tend_drain(Now now, Node& node) {
    const std::string why = "node " + node.record.name + " is drained";
    const bool over = now.instant >= node.drain_deadline;
    bool empty = true;
    const auto vms = node.vms;
    for (const VmId id : vms) {
        Vm& vm = *vms_.find(id);
        if (is_unmade(vm)) continue;  // it has no container here, and is made elsewhere when there is room
        if (vm.record.state == VmState::stopped && !vm.record.job) {
            // One that ended with its engine would be started again here.
            if (vm.record.intent != VmIntent::running || vm.stop_seen) continue;
            if (may_be_replaced(now, vm) && replace(now, vm, why)) continue;
            vm.record.intent = VmIntent::stopped;
            vms_.touch(vm);
            continue;
        }
        if (!vm.record.job && vm.record.state == VmState::running) {
            if (may_be_replaced(now, vm) && replace(now, vm, why)) continue;
            if (over && now.instant >= vm.retry_at) {
                vm.record.intent = VmIntent::stopped;
                vm.retry_at = now.instant + replace_retry_interval;
                start_job(now, vm, Verb::vm_stop, {}, 0, drain_grace_seconds);
            }
        }
        empty = false;
    }
    if (empty) end_drain(now, node, {ErrorCode::ok, ""});
}

}  // namespace mc::broker
