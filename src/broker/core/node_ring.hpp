#pragma once

#include <deque>

#include "broker/core/placement.hpp"

namespace mc::broker {

/// Hands out nodes in round-robin order.
///
/// Pure: no clock, socket or log. Owned by NodeTable, whose nodes it points to; single thread.
/// Invariant: a node appears at most once.
class NodeRing {
public:
    /// Appends `node` as the last to be served, unless it is present. It stays where it is until it is removed.
    void add(Node& node);

    void remove(const Node& node);

    /// The node of the lowest rank, the next one among equals, moved to the back; nullptr when none has a rank. `rank`
    /// says it of a node, or nullopt. The others keep their turn. Stops at the first of the best rank that there is,
    /// else looks at all: a look that is one jump in memory, as they may be 10,000.
    template <class RankOf>
    [[nodiscard]] Node* next(RankOf rank) {
        auto best = order_.end();
        std::optional<Rank> lowest;
        for (auto it = order_.begin(); it != order_.end() && lowest != Rank{}; ++it) {
            const std::optional<Rank> one = rank(**it);
            if (!one || (lowest && *one >= *lowest)) continue;
            lowest = one;
            best = it;
        }
        if (best == order_.end()) return nullptr;
        Node* node = *best;
        order_.erase(best);
        order_.push_back(node);
        return node;
    }

private:
    std::deque<Node*> order_;
};

}  // namespace mc::broker
