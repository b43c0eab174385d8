// What workers say. docs/protocol.md "Worker verbs".
#include <algorithm>
#include <utility>

#include "base/rule.hpp"
#include "base/version.hpp"
#include "broker/core/broker_core.hpp"
#include "broker/core/is_due.hpp"
#include "protocol/audit.hpp"

namespace mc::broker {
namespace {

using protocol::ContainerState;
using protocol::decode;
using protocol::encode;
using protocol::Kind;
using protocol::VmReport;

constexpr seconds remove_retry_interval{5};
constexpr seconds orphan_resend_interval{10};
/// So often at most it is in the audit log that one node had a container that nobody knows removed.
constexpr seconds stranger_audit_interval{60};
constexpr milliseconds busy_retry_min{200};
constexpr milliseconds busy_retry_max{30000};

/// Starts of this broker that a store may have missed; an epoch rises by one at each. A worker that says more lies or
/// is damaged: followed, the epoch would end where all the others refuse every order, for good.
constexpr std::uint64_t epoch_lead_max = 1'000'000;

}  // namespace

void BrokerCore::on_register(Now now, const Actor& actor, const Message& message) {
    const PeerId& peer = actor.peer;
    const auto answer = [&](ErrorCode code, protocol::Bytes body) {
        protocol::Header header = message.header;
        header.kind = Kind::reply;
        header.code = code;
        header.value = code == ErrorCode::ok ? 0 : 1;
        effects_.to_workers.push_back({peer, {header, std::move(body), {}}});
    };
    const auto request = decode<protocol::RegisterRequest>(message.body);
    if (!request) {
        ++bad_messages_;
        return answer(request.error().code, encode(protocol::ErrorBody{request.error().message, 0}));
    }
    if (nodes_.is_superseded(request->node, message.header.id)) return;
    if (auto bound = check_node_key(actor, *request); !bound) {
        log(LogLevel::warning, "a worker was refused: " + bound.error().message);
        return answer(bound.error().code, encode(protocol::ErrorBody{bound.error().message, 0}));
    }
    if (request->epoch_seen.value > meta_.epoch.value &&
        request->epoch_seen.value - meta_.epoch.value > epoch_lead_max) {
        const std::string why = "this worker says that it has seen epoch " + std::to_string(request->epoch_seen.value) +
                                ", and this broker is at " + std::to_string(meta_.epoch.value) +
                                ": its worker.state is damaged, put a copy of it back";
        log(LogLevel::warning, "a worker was refused: " + why);
        return answer(ErrorCode::invalid_argument, encode(protocol::ErrorBody{why, 0}));
    }
    const auto welcome = [&] {
        answer(ErrorCode::ok, encode(protocol::RegisterReply{meta_.cloud, meta_.epoch, version}));
    };
    Node* registered = nodes_.find(request->node);
    const bool known = registered != nullptr;
    // It was on its way when the answer to the one before came.
    if (known && registered->peer == peer && registered->registration == message.header.id) {
        note_heard(now, *registered);
        return welcome();
    }
    if (!inventory_turns_.take(request->node, now.instant)) {
        say_wait(peer, message.header);
        // It says so again until it is answered, and is there meanwhile, but not at its last connection.
        if (known) {
            registered->last_heard = now.instant;
            nodes_.unseat(*registered);
        }
        const auto late = inventory_turns_.wait(
            {request->node, {peer, actor.key}, {message.header, encode(*request), {}}, now.instant});
        if (late && known) nodes_.supersede(*registered, *late);
        return;
    }
    auto enrolled = nodes_.enrol(*request, message.header.id, peer, now.instant);
    if (!enrolled) {
        inventory_turns_.done(request->node);
        log(LogLevel::warning, "a worker was refused: " + enrolled.error().message);
        return answer(enrolled.error().code, encode(protocol::ErrorBody{enrolled.error().message, 0}));
    }
    Node& node = **enrolled;
    if (!known) audit(now, actor, name_of(Verb::node_register), node.record.name, ErrorCode::ok, {}, "a new node");
    if (const KeyRecord* held = actor.key ? keys_.find(*actor.key) : nullptr; held && !held->node) {
        KeyRecord record = *held;
        record.node = node.record.id;
        keys_.set(std::move(record));
        audit(now, actor, name_of(Verb::node_register), node.record.name, ErrorCode::ok, {},
              "the key is bound to this node");
    }
    // One whose engine does not answer does not say what it has at once.
    if (!request->status.ready) inventory_turns_.done(request->node);
    raise_epoch_over(now, request->epoch_seen);
    store_node(node);
    store_dropped_nodes();
    log(LogLevel::info, "node " + node.record.name + " registered");
    if (!known) publish(now, protocol::event_kind::node_joined, node.record.name, "");
    welcome();
    // A worker ends its streams before it registers anew, and an order that was on its way to
    // its last connection is lost: nobody would ever end these.
    for (const Stream& stream : streams_.of_node(node.record.id)) {
        const std::string broke = "the connection to node " + node.record.name + " broke, and ";
        end_stream(now, stream,
                   {ErrorCode::node_unreachable,
                    stream.verb == Verb::images
                        ? broke + "its answer about images is lost; ask again"
                        : broke + "the stream with " + stream.about + " with it; what it ran may still run"});
    }
    // Whatever it was at, this process of it may not know: its jobs are idempotent.
    for (const VmId id : node.vms) {
        Vm* awake = vms_.find_awake(id);
        if (!awake || !awake->record.job) continue;
        Vm& vm = *awake;
        vm.job_acknowledged = false;
        note_unknown_stop(now, vm);
        if (vm.record.state == VmState::unknown && vm.record.job->verb == Verb::vm_create) {
            move(now, vm, VmState::creating, "");
        }
        dispatch(now, vm);
    }
}

void BrokerCore::admit_waiting(Now now) {
    while (const auto next = inventory_turns_.next(now.instant)) {
        const auto actor = identify(now, next->caller, Side::workers);
        // Whoever may not any more is told when it says so again.
        if (!actor || !permit(now, *actor, next->message.header)) {
            inventory_turns_.done(next->node);
            continue;
        }
        on_register(now, *actor, next->message);
        // That it was there then does not say that it is there now.
        if (Node* node = nodes_.find_by_peer(next->caller.peer)) node->last_heard = next->heard;
    }
}

void BrokerCore::say_wait(const PeerId& peer, protocol::Header header) {
    header.kind = Kind::progress;
    const protocol::Progress body{"waiting", "for other nodes' inventories", 0, {}};
    effects_.to_workers.push_back({peer, {header, encode(body), {}}});
}

Result<void> BrokerCore::check_node_key(const Actor& actor, const protocol::RegisterRequest& request) const {
    if (!actor.key || !rule_holds(Rule::nodes_are_bound_to_keys)) return {};
    const NodeId node = request.node;
    const KeyRecord* held = keys_.find(*actor.key);
    if (held && held->node && held->node != node) {
        return fail(ErrorCode::not_authorised, "key " + actor.fingerprint +
                                                   " is bound to another node: join again, with a key for this one "
                                                   "(mcworker join)");
    }
    const KeyRecord* other = keys_.of_node(node);
    if (other && other->key != *actor.key) {
        return fail(ErrorCode::not_authorised, "this node is bound to key " + other->key.fingerprint() +
                                                   ": use that, or have an admin revoke it (mccli keys revoke)");
    }
    // A name is where people send their VMs: that its node is silent gives it to nobody else.
    const Node* named = nodes_.find_by_name(request.name);
    const KeyRecord* holder = named && named->record.id != node ? keys_.of_node(named->record.id) : nullptr;
    if (holder) {
        return fail(ErrorCode::node_name_taken,
                    "another node named " + request.name + " is bound to key " + holder->key.fingerprint() +
                        ": start this worker with that one's --state-dir and --key, give it another --node, or have an "
                        "admin forget the other (mccli nodes forget " +
                        request.name + ") or revoke its key (mccli keys revoke)");
    }
    return {};
}

void BrokerCore::raise_epoch_over(Now now, Epoch seen) {
    if (seen <= meta_.epoch) return;
    // A worker has obeyed a later epoch than ours: this store is an old copy. What it
    // does not know may be wanted all the same, so nothing unknown is removed.
    meta_.epoch = Epoch{seen.value + 1};
    touch_meta();
    orphans_kept_ = true;
    log(LogLevel::warning,
        "the state directory is older than what a worker has seen; "
        "unknown containers are left alone until the next start");
    publish(now, protocol::event_kind::broker_started, "",
            "epoch raised to " + std::to_string(meta_.epoch.value) + ": the state directory is an older copy");
}

void BrokerCore::set_status(Now now, Node& node, const protocol::NodeStatus& status) {
    const bool was_ready = node.ready();
    const bool was_silent = node.silent;
    node.silent = node.lost = false;
    nodes_.set_status(node, status);
    if (!status.ready) node.reported = false;
    if (node.ready() && (!was_ready || was_silent)) {
        publish(now, protocol::event_kind::node_ready, node.record.name, "");
        place_pending(now);
    } else if (was_ready && !node.ready()) {
        publish(now, protocol::event_kind::node_not_ready, node.record.name, status.reason);
    }
}

void BrokerCore::on_heartbeat(Now now, Node& node, const Message& message) {
    const auto heartbeat = decode<protocol::Heartbeat>(message.body);
    if (!heartbeat || heartbeat->boot != node.boot) {
        ++bad_messages_;
        return;
    }
    node.heartbeat_interval_kept = node.heartbeat_interval;
    set_status(now, node, heartbeat->status);
}

void BrokerCore::on_inventory(Now now, Node& node, const Message& message) {
    const NodeId id = node.record.id;
    const auto as_now = [&] {
        return Node::Settled{std::hash<protocol::Bytes>{}(message.body), message.body.size(), vms_.changes_of(id),
                             message.header.sequence};
    };
    if (node.settled == as_now()) {
        node.reported = true;
        return;
    }
    node.settled.reset();
    const auto inventory = decode<protocol::Inventory>(message.body);
    if (!inventory || inventory->boot != node.boot) {
        ++bad_messages_;
        return;
    }
    node.reported = true;
    std::set<VmId> present;
    bool settled = true;
    node.spares.clear();
    for (const auto& spare : inventory->spares) {
        node.spares[spare.image].push_back(spare.vm);
        if (!tombstones_.contains(spare.vm)) continue;
        // It was to become a VM, whose order never came to the worker.
        present.insert(spare.vm);
        protocol::VmReport left;
        left.vm = spare.vm;
        on_stranger(now, node, left);
    }
    for (const auto& report : inventory->vms) {
        present.insert(report.vm);
        Vm* vm = vms_.find(report.vm);
        if (!vm || vm->record.node != id) {
            on_stranger(now, node, report);
        } else if (!vm->record.job) {
            take_over(now, *vm, report);
        }
        // In this order: take_over() keeps a VM that is said to run, others it may forget.
        settled = settled && report.state == ContainerState::running && vm && runs_quietly(id, *vm);
    }
    const auto expected = node.vms;
    settled = settled && expected.size() == present.size();
    for (const VmId vm_id : expected) {
        if (present.contains(vm_id)) continue;
        Vm& vm = *vms_.find(vm_id);
        if (!vm.record.job || !rule_holds(Rule::job_shields_its_vm)) on_missing(now, vm);
    }
    std::erase_if(orphans_, [&](const auto& entry) {
        const auto& [vm, orphan] = entry;
        // A copy of a spare was nobody's until the spare became a VM.
        return orphan.node == node.record.id && (!present.contains(vm) || node.vms.contains(vm));
    });
    if (settled) node.settled = as_now();
    const bool was_ready = node.ready();
    node.inventory_seen = true;
    inventory_turns_.done(id);
    if (!was_ready && node.ready()) {
        publish(now, protocol::event_kind::node_ready, node.record.name, "");
        place_pending(now);
    }
    admit_waiting(now);
}

bool BrokerCore::runs_quietly(NodeId node, const Vm& vm) {
    return vm.record.node == node && !vm.record.job && vm.record.state == VmState::running &&
           vm.record.intent == VmIntent::running && !vm.stop_seen && vm.start_tries == 0;
}

void BrokerCore::take_over(Now now, Vm& vm, const protocol::VmReport& report) {
    if (is_unmade(vm)) return;  // what is left of a try that failed; it goes with the next one
    const auto adopt = [&] {
        VmReport known = report;
        // A worker that has just started may not have read these again; a host key never changes.
        if (known.host_key.empty()) known.host_key = vm.record.report.host_key;
        if (known.started.unix_ms == 0 && known.state == ContainerState::running) {
            known.started = vm.record.report.started;
        }
        known.ended = how_it_ended(now, vm, report);
        if (vm.record.report == known) return;
        vm.record.report = std::move(known);
        vms_.touch(vm);
    };
    switch (report.state) {
        case ContainerState::running:
            note_runs(now, vm);
            if (vm.record.state == VmState::running || vm.record.state == VmState::unknown ||
                vm.record.state == VmState::stopped) {
                adopt();
                // No order of ours is under way: a stop failed, a start that had failed came about, or somebody
                // started it by hand.
                if (vm.record.intent == VmIntent::stopped && rule_holds(Rule::what_runs_is_wanted)) {
                    vm.record.intent = VmIntent::running;
                    vms_.touch(vm);
                }
                move(now, vm, VmState::running, "");
            }
            return;
        case ContainerState::created:
        case ContainerState::exited: {
            if (vm.record.state == VmState::deleting) return;
            adopt();
            if (vm.record.intent == VmIntent::stopped && rule_holds(Rule::stop_by_person_stays)) {
                const bool known = vm.record.state == VmState::stopped;
                return move(now, vm, VmState::stopped, known ? vm.record.reason : "");
            }
            if (start_again(now, vm)) return;
            if (vm.stop_seen && vm.record.state == VmState::stopped) return;
            begin_grace(now, vm);
            std::string reason = "ended by itself with exit code " + std::to_string(report.exit_code);
            if (!report.reason.empty()) reason += " (" + report.reason + ")";
            return move(now, vm, VmState::stopped, std::move(reason));
        }
        case ContainerState::absent:
            return on_missing(now, vm);
        case ContainerState::removing:
            return;
    }
}

void BrokerCore::on_missing(Now now, Vm& vm) {
    if (is_unmade(vm)) return;
    const bool wanted_gone = vm.record.intent == VmIntent::deleted;
    forget_vm(now, vm, protocol::event_kind::vm_deleted,
              wanted_gone ? "" : "its container was removed behind minicloud's back", {});
}

void BrokerCore::on_stranger(Now now, Node& node, const protocol::VmReport& report) {
    const auto tombstone = tombstones_.find(report.vm);
    const bool dead = tombstone != tombstones_.end();
    if (!dead && orphans_kept_) return;
    const auto [it, fresh] = orphans_.try_emplace(report.vm, Orphan{node.record.id, now.instant, {}, {}, {}});
    Orphan& orphan = it->second;
    if (!dead && now.instant - orphan.first_seen < config_.orphan_grace && rule_holds(Rule::orphan_grace)) return;
    if (!rule_holds(Rule::orphans_are_removed)) return;
    const bool asked_before = orphan.asked != Instant{};
    if (asked_before && now.instant - orphan.asked < orphan_resend_interval) return;
    orphan.asked = now.instant;
    if (!asked_before) {
        Vm stranger;
        stranger.record.id = report.vm;
        stranger.record.node = node.record.id;
        if (dead) {
            // Whoever had the VM is told, and nobody else.
            stranger.record.spec.name = tombstone->name;
            stranger.record.owner = tombstone->owner;
        }
        const std::string why = !dead                 ? "no VM accounts for this container"
                                : tombstone->replaced ? "left over from a VM that was replaced"
                                                      : "left over from a VM that was deleted";
        const std::string target = dead ? full_name(stranger.record.owner, stranger.record.spec.name)
                                        : node.record.name + "/" + report.vm.str();
        // A worker can make up any number of containers that nobody knows.
        if (dead || is_due(node.stranger_audited, now.instant, stranger_audit_interval)) {
            audit(now, broker_actor(), protocol::audit_cleanup, target, ErrorCode::ok, {}, why);
        }
        publish(now, protocol::event_kind::vm_cleanup, stranger, why);
    }
    // Whether it is gone, the next inventory tells.
    orphan.order = next_job_id();
    send_worker(node, Kind::request, Verb::vm_remove, orphan.order,
                encode(protocol::VmOrder{meta_.epoch, report.vm, 0, {}}));
}

void BrokerCore::on_stranger_kept(const Node& node, const Message& message) {
    const auto error = decode<protocol::ErrorBody>(message.body);
    if (message.header.code == ErrorCode::ok || !error) return;
    for (auto& [vm, orphan] : orphans_) {
        if (orphan.order != protocol::as_job_id(message.header.id) || orphan.node != node.record.id) continue;
        // It is in no list: this is the only place where somebody could read why it stays. Once, not at every try.
        if (std::exchange(orphan.trouble, error->message) == error->message) return;
        return log(LogLevel::warning, "a container on node " + node.record.name + " that is left over from VM " +
                                          vm.str() + " can't be removed: " + error->message);
    }
}

void BrokerCore::on_job_reply(Now now, Node& node, const Message& message) {
    const JobId id = protocol::as_job_id(message.header.id);
    Vm* vm = vms_.find_by_job(id);
    // Superseded, answered twice, or an orphan's.
    if (!vm || vm->record.node != node.record.id) return on_stranger_kept(node, message);

    Result<protocol::VmReport> result = fail(ErrorCode::internal, "");
    if (message.header.code == ErrorCode::ok) {
        result = decode<protocol::VmReport>(message.body);
    } else {
        const auto error = decode<protocol::ErrorBody>(message.body);
        result = fail(message.header.code, error ? error->message : "its worker gave no reason");
        // Nothing has happened: the order stays, and is sent again when there may be room.
        if (result.error().code == ErrorCode::busy) {
            const milliseconds advice{error ? error->retry_after_ms : 0};
            vm->job_acknowledged = false;
            const auto wait = std::clamp<milliseconds>(advice, busy_retry_min, busy_retry_max);
            vm->job_sent = now.instant + (wait - config_.job_resend_interval);
            return;
        }
    }
    const JobRecord job = *vm->record.job;
    if (job.verb == Verb::vm_create) return finish_create(now, *vm, job, result);
    if (job.verb == Verb::vm_remove) return finish_remove(now, *vm, job, result);
    finish_change(now, *vm, job, result);
}

void BrokerCore::finish_create(Now now, Vm& vm, const JobRecord& job, const Result<protocol::VmReport>& result) {
    if (result) {
        if (result->late_stop) note_unknown_stop(now, vm);
        vm.record.report = *result;
        move(now, vm, VmState::running, "");
        vms_.clear_job(vm);
        return finish_item(now, job.request, job.item, &vm, vm.record.spec.name, {ErrorCode::ok, ""});
    }
    vms_.clear_job(vm);
    if (vm.record.replacement) return fail_replacement(now, vm, result.error());
    finish_item(now, job.request, job.item, nullptr, vm.record.spec.name, result.error());
    forget_vm(now, vm, protocol::event_kind::vm_failed, result.error().message, job.request);
}

void BrokerCore::finish_change(Now now, Vm& vm, const JobRecord& job, const Result<protocol::VmReport>& result) {
    if (!result && job.verb == Verb::vm_start && !job.request) return fail_start_again(now, vm, result.error());
    if (!result) {
        // A VM that a person was at is theirs: a failed start or restart is no reason to clean it
        // up, and an engine may still carry out a stop whose answer never came.
        const bool was_started = job.verb == Verb::vm_start && vm.record.state == VmState::running;
        note_unknown_stop(now, vm);
        vm.record.intent = was_started ? VmIntent::running : VmIntent::stopped;
        vm.record.reason = result.error().message;
        vm.stop_seen = false;
        vms_.clear_job(vm);
        vms_.touch(vm);
        return finish_item(now, job.request, job.item, &vm, vm.record.spec.name, result.error());
    }
    if (result->late_stop) note_unknown_stop(now, vm);
    vm.record.report = *result;
    move(now, vm, job.verb == Verb::vm_stop ? VmState::stopped : VmState::running, "");
    vms_.clear_job(vm);
    finish_item(now, job.request, job.item, &vm, vm.record.spec.name, {ErrorCode::ok, ""});
}

void BrokerCore::finish_remove(Now now, Vm& vm, const JobRecord& job, const Result<protocol::VmReport>& result) {
    vms_.clear_job(vm);
    if (!result) {
        // It stays `deleting` and is tried again: what was asked to go, goes.
        vm.record.reason = result.error().message;
        vm.retry_at = now.instant + remove_retry_interval;
        vms_.touch(vm);
        return finish_item(now, job.request, job.item, &vm, vm.record.spec.name, result.error());
    }
    const std::string reason = vm.record.reason;
    move(now, vm, VmState::deleted, reason);
    finish_item(now, job.request, job.item, &vm, vm.record.spec.name, {ErrorCode::ok, ""});
    forget_vm(now, vm, protocol::event_kind::vm_deleted, reason, job.request);
}

void BrokerCore::on_job_progress(Now now, Node& node, const Message& message) {
    Vm* vm = vms_.find_by_job(protocol::as_job_id(message.header.id));
    if (!vm || vm->record.node != node.record.id) return;
    vm->job_acknowledged = true;
    auto progress = decode<protocol::Progress>(message.body);
    if (!progress) {
        ++bad_messages_;
        return;
    }
    if (progress->stage == "accepted") return;
    progress->name = vm->record.spec.name;
    if (const Request* request = requests_.find(vm->record.job->request)) send_progress(*request, *progress);
    if (progress->stage != "pulling" || now.instant - vm->progress_published < config_.progress_event_interval) return;
    vm->progress_published = now.instant;
    publish(now, protocol::event_kind::vm_progress, *vm, progress->stage + " " + progress->detail,
            vm->record.job->request);
}

}  // namespace mc::broker
