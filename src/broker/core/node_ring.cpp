#include "broker/core/node_ring.hpp"

#include <algorithm>

namespace mc::broker {

void NodeRing::add(NodeId id) {
    if (std::find(order_.begin(), order_.end(), id) == order_.end()) order_.push_back(id);
}

void NodeRing::remove(NodeId id) {
    std::erase(order_, id);
}

std::optional<NodeId> NodeRing::next(const std::function<std::optional<Rank>(NodeId)>& rank) {
    auto best = order_.end();
    std::optional<Rank> lowest;
    for (auto it = order_.begin(); it != order_.end() && lowest != Rank{}; ++it) {
        const auto one = rank(*it);
        if (!one || (lowest && *one >= *lowest)) continue;
        lowest = one;
        best = it;
    }
    if (best == order_.end()) return std::nullopt;
    const NodeId id = *best;
    order_.erase(best);
    order_.push_back(id);
    return id;
}

}  // namespace mc::broker
