#include "broker/core/node_ring.hpp"

#include <algorithm>

namespace mc::broker {

void NodeRing::add(NodeId id) {
    if (std::find(order_.begin(), order_.end(), id) == order_.end()) order_.push_back(id);
}

void NodeRing::remove(NodeId id) {
    std::erase(order_, id);
}

std::optional<NodeId> NodeRing::next(const std::function<bool(NodeId)>& accepts) {
    const auto found = std::find_if(order_.begin(), order_.end(), accepts);
    if (found == order_.end()) return std::nullopt;
    const NodeId id = *found;
    order_.erase(found);
    order_.push_back(id);
    return id;
}

}  // namespace mc::broker
