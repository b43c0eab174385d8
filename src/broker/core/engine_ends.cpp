// VMs that ended with their engine are started again. docs/architecture.md "Engine that stops"; ADR 12.
#include "broker/core/broker_core.hpp"

namespace mc::broker {
namespace {

using protocol::ContainerState;
using protocol::Ended;

constexpr int start_tries_max = 5;
constexpr seconds start_retry_interval{5};      ///< times the number of tries so far
constexpr seconds end_settled{30};              ///< docs/protocol.md "Ended": a worker corrects itself this long
constexpr milliseconds late_stop_max{300'000};  ///< an engine carries out what it was asked by then, or never
constexpr seconds start_proved{60};             ///< having run this long, a VM has all its tries again

}  // namespace

void BrokerCore::note_unknown_stop(Now now, Vm& vm) {
    // Whatever the order was: a worker also restarts a VM that it starts and that nobody can reach.
    vm.record.late_stop_until_served_ms = served_ms(now) + static_cast<std::uint64_t>(late_stop_max.count());
    vms_.touch(vm);
}

protocol::Ended BrokerCore::how_it_ended(Now now, const Vm& vm, const protocol::VmReport& report) const {
    // It never ran, as when it took the place of one that the engine lost: there is no end to judge.
    if (report.state == ContainerState::created) return Ended::unwatched;
    // Neither the worker that gave the engine the order nor this broker may be the one that sees it carried out.
    const bool late_stop = report.ended == Ended::by_itself && served_ms(now) < vm.record.late_stop_until_served_ms;
    if (late_stop) return Ended::with_engine;
    if (report.ended != Ended::unwatched || vm.record.report.state != ContainerState::exited) return report.ended;
    // A worker that was not there when it ended knows less than what was reported before, unless
    // that was said so late that the one who said it had no time to see the engine go, too.
    const bool settled = vm.record.report.ended != Ended::by_itself || vm.stopped_for >= end_settled;
    return settled ? vm.record.report.ended : Ended::unwatched;
}

void BrokerCore::note_runs(Now now, Vm& vm) {
    vm.stop_seen = false;
    if (vm.record.state == VmState::running && now.instant - vm.since >= start_proved) vm.start_tries = 0;
}

bool BrokerCore::start_again(Now now, Vm& vm) {
    const auto& record = vm.record;
    if (record.report.ended == Ended::by_itself) return false;
    const std::string why = record.report.state == ContainerState::created ? "its container was not started"
                            : record.report.ended == Ended::with_engine    ? "its engine was stopped"
                                                                           : "it ended while its worker was away";
    const bool news = record.state != VmState::stopped || vm.stop_seen;
    vm.stop_seen = false;
    if (news) move(now, vm, VmState::stopped, why);
    const Node* node = nodes_.find(record.node);
    if (node && node->record.drain) {
        // It is to stop anyway.
        vm.record.intent = VmIntent::stopped;
        vms_.touch(vm);
        return true;
    }
    const bool can = node && node->reachable() && node->record.status.ready;
    if (!can || record.has_expired(now.wall) || now.instant < vm.retry_at) return true;
    ++vm.start_tries;
    publish(now, protocol::event_kind::vm_starting, vm, why);
    start_job(now, vm, Verb::vm_start, {}, 0, 0);
    return true;
}

void BrokerCore::fail_start_again(Now now, Vm& vm, const Error& error) {
    vms_.clear_job(vm);
    vms_.touch(vm);
    if (error.code == ErrorCode::vm_exited) {
        vm.record.late_stop_until_served_ms = 0;
        // It had its start. That it ended at once is its own doing.
        vm.record.report.ended = Ended::by_itself;
        vm.record.reason = "started again, and " + error.message;
        return begin_grace(now, vm);
    }
    note_unknown_stop(now, vm);
    vm.record.reason = "could not be started again: " + error.message;
    vm.retry_at = now.instant + start_retry_interval * vm.start_tries;
    // An engine that went away once more says nothing about the VM.
    if (error.code == ErrorCode::engine_unreachable) --vm.start_tries;
    if (vm.start_tries < start_tries_max) return;
    // Not the VM's fault, and maybe mended by hand: kept as one that a person stopped.
    vm.record.intent = VmIntent::stopped;
    vm.record.reason += "; when that is mended: mccli start " + vm.record.spec.name;
    log(LogLevel::warning, vm.record.spec.name + " " + vm.record.reason);
}

}  // namespace mc::broker
