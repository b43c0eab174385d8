#include "broker/core/node_table.hpp"

#include <algorithm>

#include "protocol/limits.hpp"
#include "protocol/validate.hpp"

namespace mc::broker {
namespace {

using protocol::PlacementPolicy;

/// Per node. An old connection that has not been found dead within so many new ones is not expected.
constexpr std::size_t registrations_past_max = 16;

/// Of the nodes with the least (or most) load, so many are compared with the VM on them: what it adds is another part
/// of a large node than of a small one.
constexpr std::size_t candidates_max = 8;

}  // namespace

protocol::NodeState Node::state() const {
    if (!reachable()) return protocol::NodeState::silent;
    return ready() ? protocol::NodeState::ready : protocol::NodeState::not_ready;
}

std::uint32_t NodeTable::vms_of(const std::string& owner, const Node& node) const {
    const auto found = owners_.find(owner);
    return found == owners_.end() ? 0 : found->second.rung_of(node);
}

void NodeTable::take(Node& node, const VmRecord& vm) {
    if (!node.vms.insert(vm.id).second) return;
    node.load.add(vm);
    stand_by_load(node, false);
    NodeLadder& own = owners_[vm.owner];
    own.put(node, own.rung_of(node) + 1);
}

void NodeTable::release(Node& node, const VmRecord& vm) {
    if (node.vms.erase(vm.id) == 0) return;
    node.load.remove(vm);
    stand_by_load(node, false);
    leave(node, vm.owner, false);
}

void NodeTable::give_back(Node& node, const VmRecord& vm) {
    if (node.vms.erase(vm.id) == 0) return;
    node.load.remove(vm);
    stand_by_load(node, true);
    leave(node, vm.owner, true);
}

void NodeTable::leave(Node& node, const std::string& owner, bool first) {
    const auto found = owners_.find(owner);
    NodeLadder& own = found->second;
    const std::uint32_t left = own.rung_of(node) - 1;
    if (left == 0) {
        own.remove(node);
        if (own.empty()) owners_.erase(found);
    } else {
        first ? own.put_first(node, left) : own.put(node, left);
    }
}

// One that is full is looked at by nobody; those whose other means are used up stand last.
void NodeTable::stand_by_load(Node& node, bool first) {
    if (node.vms.size() >= node.record.status.slots) return loads_.remove(node);
    first ? loads_.put_first(node, load_of(node)) : loads_.put(node, load_of(node));
}

void NodeTable::set_status(Node& node, const protocol::NodeStatus& status) {
    node.record.status = status;
    stand_by_load(node, false);
}

void NodeTable::restore(NodeRecord record, Instant now) {
    const NodeId id = record.id;
    by_name_[record.name] = id;
    Node& node = nodes_[id];
    ring_.add(node);
    node.record = std::move(record);
    node.last_heard = now;
    stand_by_load(node, false);
}

std::vector<NodeId> NodeTable::unknown() const {
    std::vector<NodeId> found;
    for (const auto& [id, node] : nodes_) {
        if (node.record.name.empty()) found.push_back(id);
    }
    return found;
}

bool NodeTable::is_superseded(NodeId node, RequestId id) const {
    const Node* known = find(node);
    return known && std::find(known->registrations_past.begin(), known->registrations_past.end(), id) !=
                        known->registrations_past.end();
}

void NodeTable::supersede(Node& node, RequestId id) {
    node.registrations_past.push_back(id);
    if (node.registrations_past.size() > registrations_past_max) node.registrations_past.pop_front();
}

void NodeTable::unseat(Node& node) {
    if (node.peer) forget_peer(PeerId(node.peer));
    node.inventory_seen = node.reported = false;
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
    if (node.registration && node.registration != id) supersede(node, node.registration);
    node.registration = id;
    node.silent = node.lost = false;
    node.inventory_seen = node.reported = false;
    node.settled.reset();
    node.usage.clear();
    node.verb_max = request.verb_max;
    node.last_heard = node.heartbeat_due = now;
    node.heartbeat_interval = node.heartbeat_interval_kept = limits::heartbeat_interval;
    by_name_[request.name] = request.node;
    by_peer_[peer] = request.node;
    ring_.add(node);
    stand_by_load(node, false);
    return &node;
}

void NodeTable::drop(NodeId id) {
    Node& node = nodes_.at(id);
    by_name_.erase(node.record.name);
    if (node.peer) by_peer_.erase(node.peer);
    ring_.remove(node);
    loads_.remove(node);
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

Node* NodeTable::best_of_all(const PlacementQuery& query) {
    const auto fits = [&](const Node& node) { return node.ready() && unfitness(node, query) == Unfit::no; };
    // What a ladder does not know is asked of each: labels that are only preferred, and a slot that is used and counts
    // as free.
    const auto policy = query.placement.policy;
    if (policy == PlacementPolicy::round_robin || !query.placement.prefer.empty() || query.leaving) {
        return ring_.next([&](const Node& node) -> std::optional<Rank> {
            if (!fits(node)) return std::nullopt;
            return rank_of(node, query, vms_of(query.owner, node));
        });
    }
    if (policy != PlacementPolicy::spread) return by_load(query, fits);

    const auto found = owners_.find(query.owner);
    const NodeLadder* own = found == owners_.end() ? nullptr : &found->second;
    if (!own || own->size() < nodes_.size()) {
        Node* without = ring_.next([&](const Node& node) -> std::optional<Rank> {
            if ((own && own->rung_of(node) != 0) || !fits(node)) return std::nullopt;
            return Rank{};
        });
        if (without || !own) return without;
    }
    Node* chosen = nullptr;
    own->upward([&](Node& node) {
        if (fits(node)) chosen = &node;
        return chosen == nullptr;
    });
    return chosen;
}

template <class Fits>
Node* NodeTable::by_load(const PlacementQuery& query, Fits fits) const {
    const bool packs = query.placement.policy == PlacementPolicy::pack;
    Node* best = nullptr;
    std::uint64_t best_load = 0;
    std::size_t looked_at = 0;
    const auto look = [&](Node& node) {
        if (!fits(node)) return true;
        const std::uint64_t load = load_ppm(node, query);
        if (!best || (packs ? load > best_load : load < best_load)) {
            best = &node;
            best_load = load;
        }
        return ++looked_at < candidates_max;
    };
    packs ? loads_.downward(look) : loads_.upward(look);
    return best;
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
    if (Node* chosen = best_of_all(query)) return chosen;

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
