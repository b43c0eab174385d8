// What time moves.
#include <algorithm>

#include "base/rule.hpp"
#include "broker/core/broker_core.hpp"

namespace mc::broker {
namespace {

using protocol::encode;
using protocol::Kind;

constexpr milliseconds tick_interval{100};
constexpr seconds clean_up_interval{1};
constexpr seconds forget_interval{60};
/// A tick that comes later than this shows that the loop stood still: a large commit, a store that was loaded, SIGSTOP.
constexpr seconds stall_min{1};
/// So long at most nobody is taken for silent because the broker has not come to hear all that was sent: whoever sends
/// more than it can read must not keep it from that for ever.
constexpr seconds backlog_forgiven_max{60};
/// VMs whose state one tick makes unknown, about: they are one commit, during which nobody is heard.
constexpr std::size_t vms_silenced_max = 10'000;

}  // namespace

// Silence is judged before anything is sent: otherwise an order could go to a
// node that is about to be declared silent.
void BrokerCore::on_tick(Now now) {
    if (now.instant < next_tick_) return;
    if (now.instant - next_tick_ >= stall_min) forgive_stall(now, now.instant - next_tick_);
    next_tick_ = now.instant + tick_interval;
    if (read_only()) {
        expire_waiters(now);
        if (now.instant < next_beacon_ || in_doubt_) return;
        // Watchers and their gaps are served all the same; nothing new is published.
        next_beacon_ = now.instant + limits::beacon_interval;
        effects_.beacon = true;
        return;
    }
    mark_silent(now);
    admit_waiting(now);
    if (!pending_.empty()) place_pending(now);
    resend_jobs(now);
    clean_up(now);
    expire_waiters(now);
    end_overdue(now);
    send_heartbeats(now);
    if (now.instant >= next_beacon_) {
        next_beacon_ = now.instant + limits::beacon_interval;
        effects_.beacon = true;
        expire_keys(now);
        end_deserted(now);
    }
    forget_old(now);
}

// What nodes have sent meanwhile still lies in the sockets: that this loop stood still is nobody's silence. Else one
// long commit would make all VMs unknown, which is a longer one.
void BrokerCore::forgive_stall(Now now, milliseconds stall) {
    for (auto& [id, node] : nodes_.all()) node.last_heard = std::min(now.instant, node.last_heard + stall);
    all_read_at_ = std::min(now.instant, all_read_at_ + stall);
    inventory_turns_.forgive(now.instant, stall);
}

void BrokerCore::mark_silent(Now now) {
    if (!rule_holds(Rule::silence_is_noticed)) return;
    // What lies in the sockets unread may be a node's sign of life.
    const bool behind =
        behind_ && now.instant - all_read_at_ < backlog_forgiven_max && rule_holds(Rule::unread_is_not_silent);
    const Instant heard_until = behind ? all_read_at_ : now.instant;
    std::size_t vms = 0;
    for (auto& [id, node] : nodes_.all()) {
        if (node.silent || heard_until < node.silent_at()) continue;
        if (vms >= vms_silenced_max) return;  // the rest at the next tick
        vms += node.vms.size();
        const milliseconds allowed = node.silent_at() - node.last_heard;
        node.silent = true;
        node.silent_since = now.instant;
        publish(now, protocol::event_kind::node_silent, node.record.name,
                "nothing heard for " + std::to_string(std::chrono::ceil<seconds>(allowed).count()) + " s");
        for (const VmId vm_id : node.vms) {
            Vm& vm = *vms_.find(vm_id);
            // One that is still to be made has nothing there that could be unknown.
            if (vm.record.state == VmState::deleting || is_unmade(vm)) continue;
            move(now, vm, VmState::unknown, "node " + node.record.name + " is silent");
        }
        if (!rule_holds(Rule::streams_end_with_their_node)) continue;
        for (const Stream& stream : streams_.of_node(id)) {
            end_stream(now, stream, {ErrorCode::node_unreachable, "node " + node.record.name + " went silent"});
        }
    }
}

void BrokerCore::resend_jobs(Now now) {
    if (!rule_holds(Rule::orders_are_repeated)) return;
    for (Vm* vm : vms_.with_jobs()) {
        // A worker drops a reply that its full socket does not take: the outcome is asked for, too.
        const auto interval = vm->job_acknowledged ? config_.job_ask_again_interval : config_.job_resend_interval;
        if (now.instant - vm->job_sent < interval) continue;
        const Node* node = nodes_.find(vm->record.node);
        if (node && node->reachable()) dispatch(now, *vm);
    }
}

void BrokerCore::clean_up(Now now) {
    if (now.instant < next_clean_up_) return;
    next_clean_up_ = now.instant + clean_up_interval;
    tend_nodes(now);
    count_grace(now);
    for (Vm* restless : vms_.restless()) {
        Vm& vm = *restless;
        const VmRecord& record = vm.record;
        if (record.job || record.state == VmState::pending || record.state == VmState::unknown) continue;
        if (record.intent == VmIntent::deleted) {
            if (now.instant >= vm.retry_at && rule_holds(Rule::failed_removal_is_retried))
                start_job(now, vm, Verb::vm_remove, {}, 0, 0);
            continue;
        }
        if (record.has_expired(now.wall)) {
            remove_by_broker(now, vm, "its time to live is over");
        } else if (vm.stop_seen && (record.intent == VmIntent::running || !rule_holds(Rule::stop_by_person_stays)) &&
                   record.state == VmState::stopped && vm.stopped_for >= config_.cleanup_grace) {
            remove_by_broker(now, vm, "it stopped by itself: " + record.reason);
        }
    }
}

// An engine that is away for longer than the grace period costs nobody a VM: what
// became of it is known when the engine is back.
void BrokerCore::begin_grace(Now now, Vm& vm) {
    vm.stop_seen = true;
    vm.stopped_for = grace_counted_ - now.instant;  // what has passed before does not count
}

void BrokerCore::count_grace(Now now) {
    const milliseconds passed = std::min(now.instant - grace_counted_, milliseconds(2 * clean_up_interval));
    grace_counted_ = now.instant;
    for (Vm* vm : vms_.restless()) {
        if (!vm->stop_seen || vm->record.state != VmState::stopped) continue;
        const Node* node = nodes_.find(vm->record.node);
        if (node && node->ready() && node->reported) vm->stopped_for += passed;
    }
}

void BrokerCore::expire_waiters(Now now) {
    if (!rule_holds(Rule::waiters_expire)) return;
    for (const auto& [id, peer] : requests_.take_expired(now.instant)) {
        const Request& request = *requests_.find(id);
        refuse(
            peer, {.verb = request.record.verb, .id = id},
            {ErrorCode::deadline_exceeded, "no outcome in time; the request goes on: look with mccli job " + id.str()});
    }
}

void BrokerCore::end_overdue(Now now) {
    for (const Stream& stream : streams_.overdue(now.instant)) {
        end_stream(now, stream,
                   {ErrorCode::deadline_exceeded, "node " + stream.about +
                                                      " did not get it done in time and was told to "
                                                      "give it up"});
    }
}

// Streams whose client has gone without a word.
void BrokerCore::end_deserted(Now now) {
    for (const Stream& stream : streams_.quiet_since(Instant{now.instant.since_boot - limits::stream_silence_max})) {
        end_stream(now, stream, {ErrorCode::deadline_exceeded, "nothing was heard from this client for 15 s"});
    }
}

// Of ten thousand nodes each says once in five seconds that it lives: else these two messages for each would be most of
// what a broker does in which nothing happens.
milliseconds BrokerCore::heartbeat_interval() const {
    const milliseconds even = nodes_.size() * milliseconds(1s) / config_.heartbeats_per_second_max;
    return std::clamp<milliseconds>(even, limits::heartbeat_interval, limits::heartbeat_interval_max);
}

void BrokerCore::send_heartbeats(Now now) {
    const milliseconds interval = heartbeat_interval();
    for (auto& [id, node] : nodes_.all()) {
        if (now.instant < node.heartbeat_due) continue;
        // A worker of 0.1.0 would take a broker for silent that says nothing for so long.
        if (node.knows(Verb::node_images)) node.heartbeat_interval = interval;
        node.heartbeat_interval_kept = std::max(node.heartbeat_interval_kept, node.heartbeat_interval);
        // Whenever this one goes out, the next one is not due together with those of all others.
        const auto missed = (now.instant - node.heartbeat_due) / node.heartbeat_interval;
        node.heartbeat_due = node.heartbeat_due + (missed + 1) * node.heartbeat_interval;
        if (now.instant >= node.usage_wanted_until) node.usage.clear();
        send_heartbeat(now, node);
    }
}

void BrokerCore::send_heartbeat(Now now, const Node& node) {
    protocol::Heartbeat body;
    body.epoch = meta_.epoch;
    body.boot = node.boot;
    body.usage_wanted = now.instant < node.usage_wanted_until;
    body.interval_ms = static_cast<std::uint32_t>(node.heartbeat_interval.count());
    send_worker(node, Kind::notice, Verb::node_heartbeat, {}, encode(body));
    // What would be said again need not be, but for what has to be heard once more.
    const bool as_told = node.reported && node.settled && node.settled->changes == vms_.changes_of(node.record.id);
    if (node.peer && as_told) effects_.to_workers.back().message.header.sequence = node.settled->number;
}

std::uint64_t BrokerCore::served_ms(Now now) const {
    return meta_.served_ms + static_cast<std::uint64_t>((now.instant - served_since_).count());
}

void BrokerCore::forget_requests(Now now) {
    const auto kept = static_cast<std::uint64_t>(milliseconds(config_.outcomes_kept).count());
    const std::uint64_t served = served_ms(now);
    if (served > kept) requests_.forget(served - kept);
}

void BrokerCore::forget_old(Now now) {
    if (now.instant < next_forget_) return;
    next_forget_ = now.instant + forget_interval;
    const auto before = [&](auto kept) {
        return WallTime{now.wall.unix_ms - std::chrono::duration_cast<milliseconds>(kept).count()};
    };
    forget_requests(now);
    meta_.served_ms = served_ms(now);
    served_since_ = now.instant;
    touch_meta();
    const WallTime oldest = before(config_.tombstones_kept);
    for (auto it = tombstones_.begin(); it != tombstones_.end();) {
        if (it->deleted >= oldest) {
            ++it;
            continue;
        }
        effects_.changes.push_back({static_cast<std::uint8_t>(Table::tombstones), key_of(it->vm.value), std::nullopt});
        it = tombstones_.erase(it);
    }
}

}  // namespace mc::broker
