#include "broker/core/node_table.hpp"

#include <algorithm>

#include "protocol/limits.hpp"
#include "protocol/validate.hpp"

namespace mc::broker {
namespace {

/// Per node. An old connection that has not been found dead within so many new ones is not expected.
constexpr std::size_t registrations_past_max = 16;

}  // namespace

protocol::NodeState Node::state() const {
    if (!reachable()) return protocol::NodeState::silent;
    return ready() ? protocol::NodeState::ready : protocol::NodeState::not_ready;
}

void Node::take(const VmRecord& vm) {
    if (vms.insert(vm.id).second) load.add(vm);
}

void Node::release(const VmRecord& vm) {
    if (vms.erase(vm.id) != 0) load.remove(vm);
}

void NodeTable::restore(NodeRecord record, Instant now) {
    const NodeId id = record.id;
    by_name_[record.name] = id;
    Node& node = nodes_[id];
    ring_.add(node);
    node.record = std::move(record);
    node.last_heard = now;
}

bool NodeTable::is_superseded(NodeId node, RequestId id) const {
    const Node* known = find(node);
    return known && std::find(known->registrations_past.begin(), known->registrations_past.end(), id) !=
                        known->registrations_past.end();
}

Result<Node*> NodeTable::enrol(const protocol::RegisterRequest& request, RequestId id, const PeerId& peer,
                               Instant now) {
    if (auto r = protocol::check_name("node name", request.name); !r) return fail(r.error());
    if (!request.node || !request.boot) {
        return fail(ErrorCode::invalid_argument, "a registration needs a node id and a boot id that are not zero");
    }
    if (request.advertise.empty()) {
        return fail(ErrorCode::invalid_argument,
                    "node " + request.name + " does not say at which host its VMs are reached: set --advertise");
    }
    if (auto r = protocol::check_host("--advertise", request.advertise); !r) return fail(r.error());
    if (auto r = protocol::check_labels(request.labels); !r) return fail(r.error());
    const auto named = by_name_.find(request.name);
    bool cordoned = false;  // what an operator said of the name holds for who takes it over
    if (named != by_name_.end() && named->second != request.node) {
        // A worker whose state directory was lost: nothing hangs on the old identity.
        const Node& old = nodes_.at(named->second);
        if (!old.silent || !old.vms.empty() || old.record.drain) {
            return fail(
                ErrorCode::node_name_taken,
                "another node is named " + request.name +
                    ": give this worker another --node, or start it with the --state-dir of the one it replaces");
        }
        cordoned = old.record.cordoned;
        drop(named->second);
    }
    if (!nodes_.contains(request.node) && nodes_.size() >= limits::nodes_max) {
        return fail(ErrorCode::no_capacity, "this cloud has its most nodes already (10000)");
    }

    Node& node = nodes_[request.node];
    if (!node.record.name.empty() && node.record.name != request.name) by_name_.erase(node.record.name);
    if (node.peer) by_peer_.erase(node.peer);
    NodeRecord& record = node.record;  // what an operator has said of it stays
    record.id = request.node;
    record.name = request.name;
    record.advertise = request.advertise;
    record.worker_version = request.version;
    record.labels = request.labels;
    record.status = request.status;
    record.cordoned = record.cordoned || cordoned;
    node.peer = peer;
    node.boot = request.boot;
    if (node.registration && node.registration != id) {
        node.registrations_past.push_back(node.registration);
        if (node.registrations_past.size() > registrations_past_max) node.registrations_past.pop_front();
    }
    node.registration = id;
    node.silent = node.lost = false;
    node.inventory_seen = node.reported = false;
    node.settled.reset();
    node.usage.clear();
    node.verb_max = request.verb_max;
    node.last_heard = now;
    by_name_[request.name] = request.node;
    by_peer_[peer] = request.node;
    ring_.add(node);
    return &node;
}

void NodeTable::drop(NodeId id) {
    const Node& node = nodes_.at(id);
    by_name_.erase(node.record.name);
    if (node.peer) by_peer_.erase(node.peer);
    ring_.remove(node);
    nodes_.erase(id);
    dropped_.push_back(id);
}

Node* NodeTable::find(NodeId id) {
    const auto it = nodes_.find(id);
    return it == nodes_.end() ? nullptr : &it->second;
}

const Node* NodeTable::find(NodeId id) const {
    const auto it = nodes_.find(id);
    return it == nodes_.end() ? nullptr : &it->second;
}

Node* NodeTable::find_by_peer(const PeerId& peer) {
    const auto it = by_peer_.find(peer);
    return it == by_peer_.end() ? nullptr : find(it->second);
}

Node* NodeTable::find_by_name(const std::string& name) {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : find(it->second);
}

const Node* NodeTable::find_by_name(const std::string& name) const {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : find(it->second);
}

const Node* NodeTable::find_drained_by(RequestId request, std::uint32_t item) const {
    const auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& entry) {
        const auto& drain = entry.second.record.drain;
        return drain && drain->request == request && drain->item == item;
    });
    return found == nodes_.end() ? nullptr : &found->second;
}

void NodeTable::forget_peer(const PeerId& peer) {
    Node* node = find_by_peer(peer);
    if (!node) return;
    by_peer_.erase(peer);
    node->peer = {};
}

Result<Node*> NodeTable::place(const PlacementQuery& query) {
    if (!query.node.empty()) {
        Node* node = find_by_name(query.node);
        if (!node) {
            return fail(ErrorCode::not_found, "there is no node named " + query.node + "; see them with: mccli nodes");
        }
        if (!node->ready()) {
            return fail(ErrorCode::node_unreachable, "node " + query.node + " is " +
                                                         std::string(protocol::name_of(node->state())) +
                                                         "; leave out --node to use another one");
        }
        if (const auto why = why_unfit(*node, query); !why.empty()) {
            return fail(ErrorCode::no_capacity, "node " + query.node + " can't take it: " + why);
        }
        return node;
    }
    Node* chosen = ring_.next([&](const Node& node) -> std::optional<Rank> {
        if (!node.ready() || unfitness(node, query) != Unfit::no) return std::nullopt;
        return rank_of(node, query);
    });
    if (chosen) return chosen;

    constexpr std::size_t why_bytes_max = 600;
    std::size_t ready = 0;
    bool too_old = false;
    std::string why;
    for (const auto& [name, id] : by_name_) {
        const Node& node = *find(id);
        if (!node.ready()) continue;
        ++ready;
        too_old = too_old || unfitness(node, query) == Unfit::release;
        // Of ten thousand nodes nobody reads all.
        if (why.size() <= why_bytes_max) why += (why.empty() ? "" : "; ") + name + ": " + why_unfit(node, query);
    }
    if (ready == 0) {
        return fail(ErrorCode::no_node, "no node is ready; start a worker with: mcworker, and look with: mccli nodes");
    }
    if (why.size() > why_bytes_max) why = why.substr(0, why_bytes_max) + " …";
    if (too_old) {
        return fail(ErrorCode::no_capacity,
                    "no node can take it (" + why + "); update those workers, or create it without a set-up script");
    }
    if (!query.placement.require.empty()) {
        return fail(ErrorCode::no_capacity,
                    "no node can take it (" + why + "); require less, or make room where the labels are");
    }
    return fail(ErrorCode::no_capacity,
                "the cloud is full (" + why + "); delete a VM, uncordon a node or add a worker");
}

std::vector<std::pair<std::string, std::string>> NodeTable::verdicts(const PlacementQuery& query) const {
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto& [name, id] : by_name_) {
        const Node& node = *find(id);
        std::string why;
        if (!query.node.empty() && name != query.node) {
            why = "it is not the one asked for";
        } else if (!node.ready()) {
            const auto& reason = node.record.status.reason;
            why = "it is " + std::string(protocol::name_of(node.state()));
            if (node.reachable() && !reason.empty()) why += ": " + reason;
        } else {
            why = why_unfit(node, query);
        }
        all.emplace_back(name, std::move(why));
    }
    return all;
}

std::vector<protocol::NodeView> NodeTable::views(Instant now) const {
    std::vector<protocol::NodeView> views;
    views.reserve(nodes_.size());
    for (const auto& [name, id] : by_name_) {
        const Node* node = find(id);
        const auto& record = node->record;
        const auto silent = now - node->last_heard;
        views.push_back({.name = record.name,
                         .id = record.id,
                         .state = node->state(),
                         .reason = record.status.reason,
                         .slots = record.status.slots,
                         .slots_used = static_cast<std::uint32_t>(node->vms.size()),
                         .cpus_milli = record.status.cpus_milli,
                         .memory_bytes = record.status.memory_bytes,
                         .advertise = record.advertise,
                         .engine_version = record.status.engine_version,
                         .worker_version = record.worker_version,
                         .silent_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(silent.count(), 0)),
                         .engine_age_ms = record.status.engine_age_ms,
                         .labels = record.labels,
                         .cordoned = record.cordoned,
                         .drain_deadline = record.drain ? record.drain->deadline : WallTime{},
                         .lost = node->lost,
                         .engine = record.status.engine});
    }
    return views;
}

bool NodeTable::awaited() const {
    return std::any_of(nodes_.begin(), nodes_.end(), [](const auto& entry) {
        return !entry.second.silent && (!entry.second.peer || !entry.second.inventory_seen);
    });
}

}  // namespace mc::broker
