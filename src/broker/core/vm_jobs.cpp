// The life of a VM: created, acted on, removed. docs/architecture.md "VM states".
#include <algorithm>

#include "base/rule.hpp"
#include "broker/core/broker_core.hpp"
#include "broker/core/vm_states.hpp"
#include "protocol/audit.hpp"

namespace mc::broker {
namespace {

using protocol::encode;
using protocol::Kind;

/// Whether waiting may help: nodes come back within seconds after a broker restart.
bool may_wait(ErrorCode code) {
    return code == ErrorCode::no_node || code == ErrorCode::node_unreachable;
}

Error name_taken(const std::string& name) {
    return {ErrorCode::already_exists,
            "there is a VM named " + name + " already; choose another name, or remove it with: mccli delete " + name};
}

}  // namespace

protocol::VmSpec BrokerCore::complete_spec(protocol::VmSpec spec, const std::string& owner) {
    if (spec.image.empty()) spec.image = defaults::image;
    if (spec.pids == 0) spec.pids = defaults::pids;
    if (!spec.name.empty()) return spec;
    do {
        spec.name = "vm-" + std::to_string(meta_.vm_number_next++);
    } while (vms_.has_name(owner, spec.name));
    touch_meta();
    return spec;
}

void BrokerCore::create_item(Now now, const Actor& actor, Request& request, std::uint32_t item,
                             const protocol::CreateRequest& create) {
    const RequestId id = request.record.id;
    request.record.vms.resize(request.record.item_count);
    const protocol::VmSpec sized = with_sizes(create.spec);
    if (const Error why = refusal(actor, create.spec.name, sized, vms_.usage(actor.name)); why.code != ErrorCode::ok) {
        return finish_item(now, id, item, nullptr, create.spec.name, why);
    }
    auto node = nodes_.place({sized, actor.name, create.placement, create.node, !create.setup.empty()});
    const bool waits = !node && (may_wait(node.error().code) || nodes_.awaited());
    if (!node && !waits) return finish_item(now, id, item, nullptr, create.spec.name, node.error());

    VmRecord record;
    // The number of a VM is only used up when there is a place for it.
    record.spec = complete_spec(sized, actor.name);
    record.id = node ? spare_for(**node, record.spec, create.setup).value_or(VmId{}) : VmId{};
    if (!record.id) record.id = new_vm_id(now);
    record.owner = actor.name;
    record.request = id;
    record.node_wanted = create.node;
    record.on_lost = create.on_lost;
    record.placement = create.placement;
    record.setup = create.setup;
    record.created = now.wall;
    record.job = JobRecord{next_job_id(), Verb::vm_create, id, item, 0};
    request.record.vms[item] = record.id;
    Vm& vm = vms_.add(std::move(record), now.instant);
    if (node) {
        place(now, vm, **node);
    } else {
        pending_.insert(vm.record.id);
        publish(now, protocol::event_kind::vm_pending, vm, "waiting for a node: " + node.error().message, id);
        send_progress(request, {"waiting", node.error().message, 0, vm.record.spec.name});
    }
}

protocol::VmSpec BrokerCore::with_sizes(protocol::VmSpec spec) {
    if (spec.cpus_milli == 0) spec.cpus_milli = defaults::cpus_milli;
    if (spec.memory_bytes == 0) spec.memory_bytes = defaults::memory_bytes;
    return spec;
}

Error BrokerCore::refusal(const Actor& actor, const std::string& name, const protocol::VmSpec& sized,
                          const VmTable::Usage& used) const {
    const std::size_t planned = used.vms - vms_.usage(actor.name).vms;
    if (vms_.size() + planned >= config_.vms_max) {
        return {ErrorCode::no_capacity, "this cloud has its most VMs already"};
    }
    if (!name.empty() && vms_.has_name(actor.name, name)) return name_taken(name);
    return over_quota(actor, sized, used);
}

Error BrokerCore::over_quota(const Actor& actor, const protocol::VmSpec& sized, const VmTable::Usage& used) {
    if (!rule_holds(Rule::quotas_hold)) return {ErrorCode::ok, ""};
    const protocol::Quota& quota = actor.quota;
    const auto over = [](const std::string& what, std::uint64_t has, std::uint64_t more, std::uint64_t most,
                         const std::string& unit) {
        return Error{ErrorCode::quota_exceeded, "over your quota of " + what + ": " + std::to_string(has) + unit +
                                                    " used, " + std::to_string(more) + unit + " asked for, " +
                                                    std::to_string(most) + unit + " allowed"};
    };
    if (quota.vms != 0 && used.vms + 1 > quota.vms) return over("VMs", used.vms, 1, quota.vms, "");
    if (quota.cpus_milli != 0 && used.cpus_milli + sized.cpus_milli > quota.cpus_milli) {
        return over("CPUs (in thousandths of a core)", used.cpus_milli, sized.cpus_milli, quota.cpus_milli, "");
    }
    if (quota.memory_bytes != 0 && used.memory_bytes + sized.memory_bytes > quota.memory_bytes) {
        return over("memory", used.memory_bytes >> 20, sized.memory_bytes >> 20, quota.memory_bytes >> 20, " MiB");
    }
    if (quota.ttl_seconds != 0 && sized.ttl_seconds > quota.ttl_seconds) {
        return Error{ErrorCode::quota_exceeded, "over your quota of time: a VM may live for " +
                                                    std::to_string(quota.ttl_seconds) + " s at most, not " +
                                                    std::to_string(sized.ttl_seconds) + " s"};
    }
    return {ErrorCode::ok, ""};
}

void BrokerCore::place(Now now, Vm& vm, Node& node) {
    vm.record.node = node.record.id;
    nodes_.take(node, vm.record);
    pending_.erase(vm.record.id);
    move(now, vm, VmState::creating, "");
    if (const Request* request = requests_.find(vm.record.request)) {
        send_progress(*request, {"placed", node.record.name, 0, vm.record.spec.name});
    }
    dispatch(now, vm);
}

void BrokerCore::place_pending(Now now) {
    // By age, so that the first asked is the first served.
    std::vector<Vm*> waiting;
    for (const VmId id : pending_) waiting.push_back(vms_.find(id));
    std::sort(waiting.begin(), waiting.end(), [](const Vm* a, const Vm* b) {
        return std::pair(a->since, a->record.job->id) < std::pair(b->since, b->record.job->id);
    });
    for (Vm* vm : waiting) {
        const VmRecord& record = vm->record;
        auto node =
            nodes_.place({record.spec, record.owner, record.placement, record.node_wanted, !record.setup.empty()});
        if (node) {
            place(now, *vm, **node);
        } else if (now.instant - vm->since >= config_.placement_wait_max ||
                   (!may_wait(node.error().code) && !nodes_.awaited())) {
            const JobRecord job = *vm->record.job;
            vms_.clear_job(*vm);
            finish_item(now, job.request, job.item, nullptr, vm->record.spec.name, node.error());
            forget_vm(now, *vm, protocol::event_kind::vm_failed, node.error().message, job.request);
        }
    }
}

void BrokerCore::act_on_item(Now now, const Actor& actor, Request& request, std::uint32_t item,
                             const protocol::ActionRequest& action) {
    const RequestId id = request.record.id;
    const std::string& target = action.targets[item];
    const auto found = vms_.find_target(target, actor);
    if (!found) return finish_item(now, id, item, nullptr, target, found.error());
    Vm& vm = **found;
    request.record.vms.resize(request.record.item_count);
    request.record.vms[item] = vm.record.id;
    const std::string& name = vm.record.spec.name;
    if (request.record.verb == Verb::remove) return remove_item(now, request, item, vm);

    // The broker's own start stands in nobody's way.
    const bool own_start = vm.record.job && vm.record.job->verb == Verb::vm_start && !vm.record.job->request;
    if (vm.record.job && !own_start && rule_holds(Rule::one_job_per_vm)) {
        return finish_item(now, id, item, &vm, target,
                           {ErrorCode::busy, name + " has another job under way; try again when it has ended"});
    }
    const Node* node = nodes_.find(vm.record.node);
    if (!node || !node->reachable() || vm.record.state == VmState::unknown) {
        return finish_item(now, id, item, &vm, target,
                           {ErrorCode::node_unreachable, "the node of " + name +
                                                             " is silent; try again when it is back: "
                                                             "mccli nodes"});
    }
    if (node->record.drain && request.record.verb != Verb::stop) {
        return finish_item(now, id, item, &vm, target,
                           {ErrorCode::wrong_state, "node " + node->record.name + " of " + name +
                                                        " is being drained; wait until it is uncordoned"});
    }
    if (vm.record.state != VmState::running && vm.record.state != VmState::stopped) {
        return finish_item(now, id, item, &vm, target,
                           {ErrorCode::wrong_state, name + " is " + std::string(name_of(vm.record.state))});
    }
    if (own_start) cancel_job(now, vm, "");
    const bool stop = request.record.verb == Verb::stop;
    vm.record.intent = stop ? VmIntent::stopped : VmIntent::running;
    vm.stop_seen = false;
    vms_.touch(vm);
    // Also when it seems to be so already: what we know may be seconds old, and
    // the order is harmless where it holds.
    const Verb verb = stop ? Verb::vm_stop : request.record.verb == Verb::start ? Verb::vm_start : Verb::vm_restart;
    start_job(now, vm, verb, id, item, action.grace_seconds);
}

void BrokerCore::remove_item(Now now, Request& request, std::uint32_t item, Vm& vm) {
    const RequestId id = request.record.id;
    const std::string name = vm.record.spec.name;
    if (vm.record.state == VmState::pending) {
        cancel_job(now, vm, name + " was deleted before it had a node");
        move(now, vm, VmState::deleted, "");
        finish_item(now, id, item, &vm, name, {ErrorCode::ok, ""});
        return forget_vm(now, vm, protocol::event_kind::vm_deleted, "", id);
    }
    if (vm.record.job && vm.record.job->verb == Verb::vm_remove) {
        if (vm.record.job->request) {
            return finish_item(now, id, item, &vm, name, {ErrorCode::wrong_state, name + " is being deleted already"});
        }
        // The broker's own removal becomes this person's.
        vm.record.job->request = id;
        vm.record.job->item = item;
        return vms_.touch(vm);
    }
    cancel_job(now, vm, name + " was deleted meanwhile");
    vm.record.intent = VmIntent::deleted;
    move(now, vm, VmState::deleting, "");
    const Node* node = nodes_.find(vm.record.node);
    if (node && node->reachable()) return start_job(now, vm, Verb::vm_remove, id, item, 0);
    start_job(now, vm, Verb::vm_remove, {}, 0, 0);
    finish_item(now, id, item, &vm, name,
                {ErrorCode::node_unreachable, "the node of " + name + " is silent; " + name +
                                                  " is marked and will be removed when its node is back"});
}

void BrokerCore::remove_by_broker(Now now, Vm& vm, const std::string& reason) {
    vm.record.intent = VmIntent::deleted;
    audit(now, broker_actor(), protocol::audit_cleanup, full_name(vm.record.owner, vm.record.spec.name), ErrorCode::ok,
          {}, reason);
    publish(now, protocol::event_kind::vm_cleanup, vm, reason);
    move(now, vm, VmState::deleting, reason);
    start_job(now, vm, Verb::vm_remove, {}, 0, 0);
}

void BrokerCore::cancel_job(Now now, Vm& vm, const std::string& why) {
    if (!vm.record.job) return;
    const JobRecord job = *vm.record.job;
    if (const Node* node = nodes_.find(vm.record.node)) send_worker(*node, Kind::notice, Verb::job_cancel, job.id, {});
    vms_.clear_job(vm);
    if (job.request) finish_item(now, job.request, job.item, &vm, vm.record.spec.name, {ErrorCode::cancelled, why});
}

void BrokerCore::start_job(Now now, Vm& vm, Verb verb, RequestId request, std::uint32_t item,
                           std::uint32_t grace_seconds) {
    constexpr std::uint32_t grace_seconds_max = 3600;
    vms_.set_job(vm, {next_job_id(), verb, request, item, std::min(grace_seconds, grace_seconds_max)});
    dispatch(now, vm);
}

void BrokerCore::dispatch(Now now, Vm& vm) {
    const Node* node = nodes_.find(vm.record.node);
    vm.job_sent = now.instant;
    if (!node || !node->peer) return;  // it is sent when the node registers
    const JobRecord& job = *vm.record.job;
    protocol::Bytes body;
    if (job.verb == Verb::vm_create) {
        body = encode(protocol::CreateOrder{meta_.epoch, vm.record.id, vm.record.request, vm.record.owner,
                                            vm.record.spec, vm.record.setup});
    } else {
        body = encode(protocol::VmOrder{meta_.epoch, vm.record.id, job.grace_seconds, vm.record.spec.name});
    }
    send_worker(*node, Kind::request, job.verb, job.id, std::move(body));
    effects_.to_workers.back().message.header.value = time_left(now, job.request);
}

std::uint32_t BrokerCore::time_left(Now now, RequestId id) {
    const Request* request = requests_.find(id);
    if (!request || request->waiters.empty()) return 0;  // nobody waits: the worker's own limit
    milliseconds longest{1};
    for (const Waiter& waiter : request->waiters) longest = std::max(longest, waiter.deadline - now.instant);
    return static_cast<std::uint32_t>(longest.count());
}

void BrokerCore::finish_item(Now now, RequestId id, std::uint32_t item, const Vm* vm, const std::string& target,
                             const Error& error) {
    Request* request = requests_.find(id);
    if (!request || item >= request->items.size() || request->items[item]) return;
    // In the commit of the outcome, and whoever asked has it after that.
    Actor who;
    who.name = request->record.owner;
    who.fingerprint = request->record.key;
    if (rule_holds(Rule::changes_are_audited)) {
        audit(now, who, name_of(request->record.verb), vm ? full_name(vm->record.owner, vm->record.spec.name) : target,
              error.code, id, "");
    }
    protocol::ItemResult result{target, error.code, error.message, std::nullopt};
    if (vm) result.vm = view(*vm);
    // It is remembered for a day, and costs who asked in vain nothing.
    if (vm && error.code != ErrorCode::ok) result.vm->labels.clear();
    requests_.finish_item(*request, item, std::move(result));
    if (!request->done()) return;
    for (const Waiter& waiter : request->waiters) reply_outcome(waiter.peer, *request);
    requests_.stop_waiting(*request);
}

void BrokerCore::move(Now now, Vm& vm, VmState to, std::string reason) {
    if (!may_move(vm.record.state, to)) {
        return log(LogLevel::warning, vm.record.spec.name + " can't go from " + std::string(name_of(vm.record.state)) +
                                          " to " + std::string(name_of(to)));
    }
    const bool changed = vm.record.state != to;
    if (!changed && vm.record.reason == reason) return;
    vm.record.state = to;
    vm.record.reason = reason;
    vms_.touch(vm);
    if (!changed) return;
    vm.since = now.instant;
    const RequestId request = vm.record.job ? vm.record.job->request : RequestId{};
    switch (to) {
        case VmState::creating:
            return publish(now, protocol::event_kind::vm_creating, vm, reason, request);
        case VmState::running:
            return publish(now, protocol::event_kind::vm_running, vm, reason, request);
        case VmState::stopped:
            return publish(now, protocol::event_kind::vm_stopped, vm, reason, request);
        case VmState::deleting:
            return publish(now, protocol::event_kind::vm_deleting, vm, reason, request);
        case VmState::unknown:
            return publish(now, protocol::event_kind::vm_unknown, vm, reason, request);
        case VmState::pending:
        case VmState::failed:
        case VmState::deleted:
            return;  // the last two are published by forget_vm
    }
}

void BrokerCore::forget_vm(Now now, Vm& vm, const char* kind, const std::string& reason, RequestId request) {
    publish(now, kind, vm, reason, request);
    const VmId id = vm.record.id;
    if (Node* node = nodes_.find(vm.record.node)) {
        nodes_.release(*node, vm.record);
        // Only what may have a container somewhere needs a tombstone.
        const bool replaced = kind == std::string_view(protocol::event_kind::vm_replaced);
        store_tombstone({id, now.wall, vm.record.spec.name, replaced, vm.record.owner});
    }
    pending_.erase(id);
    vms_.erase(id);
}

void BrokerCore::store_tombstone(TombstoneRecord tombstone) {
    effects_.changes.push_back(
        {static_cast<std::uint8_t>(Table::tombstones), key_of(tombstone.vm.value), encode(tombstone)});
    // Once for each id, which is never used again.
    if (rule_holds(Rule::tombstones)) tombstones_.insert(std::move(tombstone));
}

std::optional<VmId> BrokerCore::spare_for(Node& node, const protocol::VmSpec& spec, const std::string& setup) {
    // The worker asks the same (can_be_spare): what only a first start can do makes a spare of no use.
    if (!spec.env.empty() || !spec.password_hash.empty() || !setup.empty()) return std::nullopt;
    const auto of_image = node.spares.find(spec.image);
    while (of_image != node.spares.end() && !of_image->second.empty()) {
        const VmId id = of_image->second.back();
        of_image->second.pop_back();
        if (is_unused(id) || !rule_holds(Rule::spare_is_nobodys)) return id;
    }
    return std::nullopt;
}

bool BrokerCore::is_unused(VmId id) const {
    return id && !vms_.contains(id) && !tombstones_.contains(id);
}

// By age before chance: VMs made together are written again together, in the same few pages of the store.
VmId BrokerCore::new_vm_id(Now now) {
    VmId id;
    do {
        id = make_vm_id(now.wall.unix_ms, prng_.next());
    } while (!is_unused(id));
    return id;
}

}  // namespace mc::broker
