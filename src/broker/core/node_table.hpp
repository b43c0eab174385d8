#pragma once

#include <boost/container/flat_set.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "broker/core/effects.hpp"
#include "broker/core/node_ladder.hpp"
#include "broker/core/node_ring.hpp"
#include "broker/core/placement.hpp"
#include "broker/core/records.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/vm.hpp"
#include "protocol/worker_bodies.hpp"

namespace mc::broker {

/// One server node: what is stored, and how its worker is right now.
struct Node {
    NodeRecord record;
    PeerId peer;  ///< empty: not registered with this broker process
    BootId boot;
    RequestId registration;                    ///< that holds
    std::deque<RequestId> registrations_past;  ///< the last ones that another took the place of
    bool silent = false;
    Instant silent_since;
    bool lost = false;            ///< silent for so long that its VMs that may be replaced are
    bool inventory_seen = false;  ///< since it registered: before that its slots are not known
    bool reported = false;        ///< an inventory came since it was last not ready
    std::uint16_t verb_max = 0;   ///< the highest that its worker knows
    Instant last_heard;
    Instant heartbeat_due;                                         ///< the next one to it
    milliseconds heartbeat_interval = limits::heartbeat_interval;  ///< as it was last told
    /// The longest that it has been told and may still keep to.
    milliseconds heartbeat_interval_kept = limits::heartbeat_interval;
    Instant drain_deadline;    ///< of the drain under way
    Instant stranger_audited;  ///< when the audit log last told of a container of it that nobody knows
    boost::container::flat_set<VmId> vms;
    std::map<std::string, std::vector<VmId>> spares;  ///< started for VMs to come, by image; as its worker last said
    NodeLoad load;                                    ///< of `vms`
    /// The last inventory, when everything was as it says and time moves none of it: said again, there is nothing to
    /// do.
    struct Settled {
        std::size_t digest = 0;
        std::size_t bytes = 0;
        std::uint64_t changes = 0;  ///< VmTable::changes_of() then
        std::uint32_t number = 0;   ///< the worker's, of that inventory; 0 = it tells none

        bool operator==(const Settled&) const = default;
    };
    std::optional<Settled> settled;
    Instant usage_wanted_until;               ///< somebody looks at what its VMs use
    Instant usage_at;                         ///< when `usage` came
    std::map<VmId, protocol::VmUsage> usage;  ///< as its worker last said; empty while nobody looks

    /// From when on it is silent.
    [[nodiscard]] Instant silent_at() const {
        return last_heard + limits::heartbeats_missed_max * heartbeat_interval_kept;
    }
    /// Its worker is of a release that has that order.
    [[nodiscard]] bool knows(protocol::Verb order) const { return static_cast<std::uint16_t>(order) <= verb_max; }
    [[nodiscard]] bool reachable() const { return static_cast<bool>(peer) && !silent; }
    [[nodiscard]] bool ready() const { return reachable() && inventory_seen && record.status.ready; }
    [[nodiscard]] protocol::NodeState state() const;
};

/// The nodes this broker has ever heard of, and who is next.
///
/// Pure; owned by BrokerCore; single thread.
class NodeTable {
public:
    NodeTable() = default;
    NodeTable(const NodeTable&) = delete;  // the ring points to the nodes
    NodeTable& operator=(const NodeTable&) = delete;
    NodeTable(NodeTable&&) = default;
    NodeTable& operator=(NodeTable&&) = default;

    /// From the store, at start: a node that has not registered yet. It has as long to do so as it had between its
    /// heartbeats.
    void restore(NodeRecord record, Instant now);
    /// Before its record is restored: for the VMs on it, whose rows come first.
    [[nodiscard]] Node& expect(NodeId id) { return nodes_[id]; }
    /// Those that were expected and whose record did not come.
    [[nodiscard]] std::vector<NodeId> unknown() const;

    /// Takes over a registration: a new node, a new connection or a new process of a known one.
    /// Errors: invalid_argument (name, advertise, labels), node_name_taken (another node
    /// has that name), no_capacity at limits::nodes_max.
    /// REQUIRES: !is_superseded(request.node, id).
    [[nodiscard]] Result<Node*> enrol(const protocol::RegisterRequest& request, RequestId id, const PeerId& peer,
                                      Instant now);

    /// Whether another registration of the node has taken this one's place: what a dead process
    /// or a broken connection had sent may arrive after what its successor sends.
    [[nodiscard]] bool is_superseded(NodeId node, RequestId id) const;

    /// That registration is not to take the place of a later one, whenever it comes.
    void supersede(Node& node, RequestId id);

    /// Its worker is at another connection by now, or another process, and has not been enrolled there yet.
    void unseat(Node& node);

    /// Nodes that were dropped since the last call.
    [[nodiscard]] std::vector<NodeId> take_dropped() { return std::exchange(dropped_, {}); }

    [[nodiscard]] Node* find(NodeId id);
    [[nodiscard]] const Node* find(NodeId id) const;
    [[nodiscard]] Node* find_by_peer(const PeerId& peer);
    [[nodiscard]] Node* find_by_name(const std::string& name);
    [[nodiscard]] const Node* find_by_name(const std::string& name) const;
    /// The node whose drain under way that item asked for.
    [[nodiscard]] const Node* find_drained_by(RequestId request, std::uint32_t item) const;

    /// Its worker can't be reached through this connection any more. It turns silent in its own time.
    void forget_peer(const PeerId& peer);

    /// Where a VM goes: to the node that suits it best of those that are ready and can take it, whose turn it is among
    /// equals, or to the node that is named. Does not count it as that node's yet.
    /// Errors: not_found, node_unreachable, no_capacity (the named node or no ready one can take it), no_node (none is
    /// ready).
    [[nodiscard]] Result<Node*> place(const PlacementQuery& query);

    /// Counts a VM as one of that node's; nothing new when it is.
    void take(Node& node, const VmRecord& vm);
    void release(Node& node, const VmRecord& vm);

    /// What a node has has changed.
    void set_status(Node& node, const protocol::NodeStatus& status);

    /// Whose turn it is, to be given back when a placement was only tried out: then nobody's turn has passed.
    [[nodiscard]] NodeRing turns() const { return ring_; }
    void set_turns(NodeRing turns) { ring_ = std::move(turns); }
    /// Undoes the last take() that is not undone yet, of one that was only tried out.
    void give_back(Node& node, const VmRecord& vm);

    /// Each node by name, and why it would not take the VM; "" when it would.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> verdicts(const PlacementQuery& query) const;

    [[nodiscard]] std::vector<protocol::NodeView> views(Instant now) const;  ///< by name
    [[nodiscard]] std::map<NodeId, Node>& all() { return nodes_; }
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }

    /// Whether a node is expected that has not reported yet: one known from before a
    /// restart, or one whose first inventory is still on its way.
    [[nodiscard]] bool awaited() const;

    /// Forgets a node; take_dropped() tells it. REQUIRES: it is there and has no VMs.
    void drop(NodeId id);

private:
    [[nodiscard]] std::uint32_t vms_of(const std::string& owner, const Node& node) const;
    void leave(Node& node, const std::string& owner, bool first);
    void stand_by_load(Node& node, bool first);
    [[nodiscard]] Node* best_of_all(const PlacementQuery& query);
    template <class Fits>
    [[nodiscard]] Node* by_load(const PlacementQuery& query, Fits fits) const;

    std::map<NodeId, Node> nodes_;
    std::unordered_map<PeerId, NodeId> by_peer_;
    std::map<std::string, NodeId> by_name_;
    NodeRing ring_;
    NodeLadder loads_;                                    ///< those with a free slot, by load_of()
    std::unordered_map<std::string, NodeLadder> owners_;  ///< by how many VMs that owner has there; none is empty
    std::vector<NodeId> dropped_;
};

}  // namespace mc::broker
