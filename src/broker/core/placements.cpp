// Where a create's VMs would be put now. docs/protocol.md "placement", ADR 32.
#include <map>
#include <vector>

#include "broker/core/broker_core.hpp"
#include "protocol/validate.hpp"

namespace mc::broker {
namespace {

using protocol::PlacementReply;

/// A reply fits one frame: what explains most is left out last.
protocol::Bytes encode_fitting(PlacementReply& body) {
    auto encoded = protocol::encode(body);
    while (encoded.size() > limits::message_bytes_max && !body.nodes.empty()) {
        body.nodes.resize(body.nodes.size() / 2);
        encoded = protocol::encode(body);
    }
    if (encoded.size() <= limits::message_bytes_max) return encoded;
    for (auto& item : body.items) item.message.clear();
    return protocol::encode(body);
}

Result<void> check_names(const protocol::PlacementRequest& asked) {
    if (!asked.names.empty() && asked.names.size() != asked.create.count) {
        return fail(ErrorCode::invalid_argument, std::to_string(asked.create.count) +
                                                     " VMs have as many names or none, not " +
                                                     std::to_string(asked.names.size()));
    }
    for (const auto& name : asked.names) {
        if (auto checked = protocol::check_name("VM name", name); !checked) return checked;
    }
    return {};
}

}  // namespace

void BrokerCore::on_placement(const Actor& actor, const Message& message) {
    const auto asked = protocol::decode<protocol::PlacementRequest>(message.body);
    if (!asked) return refuse(actor.peer, message.header, asked.error());
    auto checked = check_create(asked->create);
    if (checked) checked = check_names(*asked);
    if (!checked) return refuse(actor.peer, message.header, checked.error());

    VmRecord vm;
    vm.spec = with_sizes(asked->create.spec);
    if (vm.spec.ttl_seconds == 0) vm.spec.ttl_seconds = actor.quota.ttl_seconds;
    vm.owner = actor.name;
    const PlacementQuery query{vm.spec, vm.owner, asked->create.placement, asked->create.node,
                               !asked->create.setup.empty()};
    // The nodes take the VMs, and give them back: a copy of them would be one of a million VMs.
    const NodeRing turns = nodes_.turns();
    std::vector<Node*> takers;
    const auto id_of = [](std::uint64_t item) {
        return VmId{UINT64_MAX - item};
    };  // of no VM: of a time that never comes
    auto used = vms_.usage(actor.name);
    std::map<std::string, std::uint32_t> taken;
    PlacementReply body;
    for (std::uint32_t item = 0; item < asked->create.count; ++item) {
        const std::string& name = asked->names.empty() ? asked->create.spec.name : asked->names[item];
        Error why = refusal(actor, name, vm.spec, used);
        std::string on;
        if (why.code == ErrorCode::ok) {
            if (auto node = nodes_.place(query)) {
                vm.id = id_of(takers.size());
                nodes_.take(**node, vm);
                takers.push_back(*node);
                on = (*node)->record.name;
                ++taken[on];
                ++used.vms;
                used.cpus_milli += vm.spec.cpus_milli;
                used.memory_bytes += vm.spec.memory_bytes;
            } else {
                why = node.error();
            }
        }
        body.items.push_back({name, on, why.code, why.message});
    }
    for (auto& [name, why] : nodes_.verdicts(query)) body.nodes.push_back({name, taken[name], std::move(why)});
    for (std::size_t i = takers.size(); i-- > 0;) {
        vm.id = id_of(i);
        nodes_.give_back(*takers[i], vm);
    }
    nodes_.set_turns(turns);
    reply(actor.peer, message.header, encode_fitting(body));
}

}  // namespace mc::broker
