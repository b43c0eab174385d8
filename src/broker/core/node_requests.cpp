// The clients' verbs about nodes: cordon, uncordon, drain, forget. docs/protocol.md "Client verbs".
#include <algorithm>
#include <utility>

#include "broker/core/broker_core.hpp"

namespace mc::broker {

void BrokerCore::on_node_action(Now now, const Actor& actor, const Message& message) {
    const auto action = protocol::decode<protocol::NodeActionRequest>(message.body);
    if (!action) return refuse(actor.peer, message.header, action.error());
    if (answer_repeat(now, actor, message)) return;

    if (action->targets.empty()) {
        return refuse(actor.peer, message.header, {ErrorCode::invalid_argument, "no node is named: name at least one"});
    }
    if (action->deadline_seconds > static_cast<std::uint64_t>(limits::drain_deadline_max.count())) {
        return refuse(actor.peer, message.header,
                      {ErrorCode::invalid_argument, "a drain's deadline is 30 days from now at the latest"});
    }
    const auto count = static_cast<std::uint32_t>(action->targets.size());
    Request* request = accept(now, actor, message, count);
    if (!request) return;
    const RequestId id = request->record.id;
    for (std::uint32_t item = 0; item < count; ++item) act_on_node(now, id, item, *action);
}

void BrokerCore::act_on_node(Now now, RequestId id, std::uint32_t item, const protocol::NodeActionRequest& action) {
    const std::string& name = action.targets[item];
    Node* node = nodes_.find_by_name(name);
    if (!node) {
        return finish_item(now, id, item, nullptr, name,
                           {ErrorCode::not_found, "there is no node named " + name + "; see them with: mccli nodes"});
    }
    const Verb verb = requests_.find(id)->record.verb;
    if (verb == Verb::forget) return forget_node(now, id, item, *node, action.with_vms);
    if (verb == Verb::drain) return begin_drain(now, id, item, *node, seconds(action.deadline_seconds));
    if (verb == Verb::uncordon) end_drain(now, *node, {ErrorCode::cancelled, "node " + name + " was uncordoned"});
    set_cordoned(now, *node, verb == Verb::cordon);
    finish_item(now, id, item, nullptr, name, {ErrorCode::ok, ""});
    if (verb == Verb::uncordon) place_pending(now);
}

void BrokerCore::set_cordoned(Now now, Node& node, bool cordoned) {
    if (node.record.cordoned == cordoned) return;
    node.record.cordoned = cordoned;
    store_node(node);
    publish(now, cordoned ? protocol::event_kind::node_cordoned : protocol::event_kind::node_uncordoned,
            node.record.name, "");
}

void BrokerCore::begin_drain(Now now, RequestId id, std::uint32_t item, Node& node, seconds time) {
    end_drain(now, node, {ErrorCode::cancelled, "node " + node.record.name + " was asked to drain once more"});
    set_cordoned(now, node, true);
    node.record.drain = DrainRecord{WallTime{now.wall.unix_ms + milliseconds(time).count()},
                                    static_cast<std::uint64_t>(time.count()), id, item};
    node.drain_deadline = now.instant + time;
    store_node(node);
    publish(now, protocol::event_kind::node_draining, node.record.name,
            time == 0s ? "its VMs are stopped or replaced now"
                       : "its VMs are stopped in " + std::to_string(time.count()) + " s at the latest");
    tend_drain(now, node);
}

void BrokerCore::resume_drains(Now now) {
    for (auto& [id, node] : nodes_.all()) {
        if (!node.record.drain) continue;
        // By the wall clock, which may have been set meanwhile: never longer than it was asked to take.
        const milliseconds left{node.record.drain->deadline.unix_ms - now.wall.unix_ms};
        const milliseconds most = seconds(node.record.drain->seconds);
        node.drain_deadline = now.instant + std::clamp(left, milliseconds(0), most);
    }
}

void BrokerCore::end_drain(Now now, Node& node, const Error& outcome) {
    if (!node.record.drain) return;
    const DrainRecord drain = *std::exchange(node.record.drain, std::nullopt);
    store_node(node);
    if (outcome.code == ErrorCode::ok) publish(now, protocol::event_kind::node_drained, node.record.name, "");
    finish_item(now, drain.request, drain.item, nullptr, node.record.name, outcome);
}

void BrokerCore::cancel_drains(Now now, RequestId request) {
    for (auto& [id, node] : nodes_.all()) {
        if (!node.record.drain || node.record.drain->request != request) continue;
        end_drain(now, node, {ErrorCode::cancelled, "the drain was cancelled; the node is still cordoned"});
    }
}

void BrokerCore::forget_node(Now now, RequestId id, std::uint32_t item, Node& node, bool with_vms) {
    const std::string name = node.record.name;
    const auto fails = [&](std::string why) {
        finish_item(now, id, item, nullptr, name, {ErrorCode::wrong_state, std::move(why)});
    };
    if (!node.silent) return fails("node " + name + " is alive: end its worker before it is forgotten");
    if (!node.vms.empty() && !with_vms) {
        return fails("node " + name + " has " + std::to_string(node.vms.size()) +
                     " VMs; forget them too with: mccli nodes forget --with-vms " + name);
    }
    end_drain(now, node, {ErrorCode::cancelled, "node " + name + " was forgotten"});
    const auto vms = node.vms;
    for (const VmId vm_id : vms) {
        Vm& vm = *vms_.find(vm_id);
        // Whoever waits for its removal has what was asked for.
        if (vm.record.job && vm.record.job->verb == Verb::vm_remove && vm.record.job->request) {
            finish_item(now, vm.record.job->request, vm.record.job->item, &vm, vm.record.spec.name,
                        {ErrorCode::ok, ""});
        }
        cancel_job(now, vm, "its node " + name + " was forgotten");
        forget_vm(now, vm, protocol::event_kind::vm_deleted, "its node " + name + " was forgotten", id);
    }
    publish(now, protocol::event_kind::node_forgotten, name, "");
    nodes_.drop(node.record.id);
    store_dropped_nodes();
    finish_item(now, id, item, nullptr, name, {ErrorCode::ok, ""});
}

void BrokerCore::store_dropped_nodes() {
    for (const NodeId dropped : nodes_.take_dropped()) {
        effects_.changes.push_back({static_cast<std::uint8_t>(Table::nodes), key_of(dropped.value), std::nullopt});
        std::erase_if(orphans_, [&](const auto& orphan) { return orphan.second.node == dropped; });
    }
}

}  // namespace mc::broker
