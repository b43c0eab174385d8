// What VMs use: workers measure it while somebody asks. docs/protocol.md "usage", ADR 30.
#include <utility>

#include "broker/core/broker_core.hpp"

namespace mc::broker {
namespace {

/// Who looks asks again well within this; then the node's worker is told that nobody does any more.
constexpr seconds usage_wanted_for{10};
/// What a worker said longer ago is not shown. One with many VMs takes a while for a round.
constexpr seconds usage_age_max{30};

}  // namespace

void BrokerCore::on_usage(Now now, const Actor& actor, const Message& message) {
    const auto asked = protocol::decode<protocol::ListRequest>(message.body);
    if (!asked) return refuse(actor.peer, message.header, asked.error());
    bool more = false;
    const auto vms = page(actor, *asked, more);
    protocol::UsageReply body;
    for (const Vm* vm : vms) {
        Node* node = nodes_.find(vm->record.node);
        if (!node || !node->reachable() || vm->record.state != VmState::running) continue;
        const bool is_news = now.instant >= node->usage_wanted_until;
        node->usage_wanted_until = now.instant + usage_wanted_for;
        // Else it would hear of it with its next heartbeat only.
        if (is_news && !read_only()) send_heartbeat(now, *node);
        const auto found = node->usage.find(vm->record.id);
        if (found != node->usage.end() && now.instant - node->usage_at < usage_age_max)
            body.vms.push_back(found->second);
    }
    if (more) body.next = next_page(actor, vms.back()->record.owner, vms.back()->record.spec.name);
    reply(actor.peer, message.header, protocol::encode(body));
}

void BrokerCore::on_node_usage(Now now, Node& node, const Message& message) {
    auto usage = protocol::decode<protocol::NodeUsage>(message.body);
    if (!usage || usage->boot != node.boot) {
        ++bad_messages_;
        return;
    }
    node.usage.clear();
    if (now.instant >= node.usage_wanted_until) return;  // it was on its way when the last one left
    node.usage_at = now.instant;
    for (const auto& one : usage->vms) {
        // Of its own VMs only.
        if (node.vms.contains(one.vm)) node.usage.emplace(one.vm, one);
    }
}

}  // namespace mc::broker
