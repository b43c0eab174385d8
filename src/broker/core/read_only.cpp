// A broker that can't write: it answers what only reads and refuses the rest. ADR 10.
#include "base/assert.hpp"
#include "broker/core/broker_core.hpp"

namespace mc::broker {
namespace {

using protocol::encode;
using protocol::Kind;

/// When a worker or a program may ask again: the broker mostly tries its disk this often.
constexpr std::uint32_t read_only_retry_ms = 1000;

}  // namespace

bool BrokerCore::may_be_read(Verb verb) const {
    switch (verb) {
        case Verb::hello:
        case Verb::list:
        case Verb::info:
        case Verb::nodes:
        case Verb::job:
        case Verb::jobs:
        case Verb::keys:
        case Verb::audit:
        case Verb::usage:
            return true;
        case Verb::events:
        case Verb::beacon:
            // The number of an event that was never committed is used again.
            return !in_doubt_;
        default:
            return false;  // so that a verb that somebody adds is not forgotten here
    }
}

void BrokerCore::link_rows(Now now) {
    served_since_ = all_read_at_ = now.instant;
    requests_.restored();
    for (const NodeId id : nodes_.unknown()) {
        Node& node = *nodes_.find(id);
        const auto vms = node.vms;
        for (const VmId vm : vms) nodes_.release(node, vms_.find(vm)->record);
        nodes_.drop(id);
    }
    for (auto& [id, node] : nodes_.all()) node.heartbeat_interval_kept = heartbeat_interval();
}

void BrokerCore::link_row(Vm& vm) {
    if (vm.record.node) nodes_.take(nodes_.expect(vm.record.node), vm.record);
    if (vm.record.state == VmState::pending) pending_.insert(vm.record.id);
    // Whether it stopped by itself is told by intent; the grace period begins anew.
    vm.stop_seen = vm.record.state == VmState::stopped && vm.record.intent == VmIntent::running &&
                   vm.record.report.ended == protocol::Ended::by_itself;
}

void BrokerCore::serve_read_only(Now now, std::string why, bool in_doubt) {
    if (!read_only()) {
        // What an earlier life of this core wanted to keep or tell goes with it.
        static_cast<void>(take_effects());
        if (!started_) link_rows(now);
        next_tick_ = next_beacon_ = now.instant;
    }
    MC_ASSERT(!why.empty());
    read_only_why_ = why.substr(0, limits::reason_bytes_max);
    in_doubt_ = in_doubt;
}

void BrokerCore::refuse_change(const PeerId& peer, const Message& message) {
    if (in_doubt_ && requests_.find(message.header.id)) {
        return refuse(peer, message.header,
                      {ErrorCode::deadline_exceeded, "what became of this request can't be told now: " + read_only_why_,
                       read_only_retry_ms});
    }
    refuse(peer, message.header, {ErrorCode::store_failed, read_only_why_, read_only_retry_ms});
}

void BrokerCore::refuse_registration(const PeerId& peer, const Message& message) {
    protocol::Header header = message.header;
    header.kind = Kind::reply;
    header.code = ErrorCode::store_failed;
    header.value = protocol::reply_value::error;
    effects_.to_workers.push_back(
        {peer, {header, encode(protocol::ErrorBody{read_only_why_, read_only_retry_ms}), {}}});
}

}  // namespace mc::broker
