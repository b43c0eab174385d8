#include "broker/core/node_ring.hpp"

#include <algorithm>

namespace mc::broker {

void NodeRing::add(Node& node) {
    if (std::find(order_.begin(), order_.end(), &node) == order_.end()) order_.push_back(&node);
}

void NodeRing::remove(const Node& node) {
    std::erase(order_, &node);
}

}  // namespace mc::broker
