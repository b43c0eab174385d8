#pragma once

#include <deque>
#include <functional>
#include <optional>

#include "base/ids.hpp"
#include "broker/core/placement.hpp"

namespace mc::broker {

/// Hands out nodes in round-robin order.
///
/// Pure: no clock, socket or log. Owned by NodeTable; single thread.
/// Invariant: a node appears at most once.
class NodeRing {
public:
    /// Appends `id` as the last to be served, unless it is present.
    void add(NodeId id);

    void remove(NodeId id);

    /// The node of the lowest rank, the next one among equals, moved to the back; nullopt when none has a rank.
    /// The others keep their turn.
    [[nodiscard]] std::optional<NodeId> next(const std::function<std::optional<Rank>(NodeId)>& rank);

    [[nodiscard]] std::size_t size() const { return order_.size(); }

private:
    std::deque<NodeId> order_;
};

}  // namespace mc::broker
