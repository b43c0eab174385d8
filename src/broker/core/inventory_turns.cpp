#include "broker/core/inventory_turns.hpp"

#include <utility>

namespace mc::broker {
namespace {

/// One that has not said by then what it has keeps nobody else waiting for it.
constexpr seconds inventory_wait_max{3};
/// A worker that waits says so again each second. One that has not for so long is gone, and is not to look alive.
constexpr seconds repeat_wait_max{3};

}  // namespace

bool InventoryTurns::has_room(Instant now) {
    if (awaited_.size() < nodes_max_) return true;
    std::erase_if(awaited_, [&](const auto& entry) { return now - entry.second >= inventory_wait_max; });
    return awaited_.size() < nodes_max_;
}

bool InventoryTurns::take(NodeId node, Instant now) {
    if (!awaited_.contains(node) && !has_room(now)) return false;
    awaited_[node] = now;
    if (const auto place = places_.find(node); place != places_.end()) {
        waiting_.erase(place->second);
        places_.erase(place);
    }
    return true;
}

void InventoryTurns::wait(Registration registration) {
    const auto [place, fresh] = places_.try_emplace(registration.node);
    if (fresh) {
        place->second = waiting_.insert(waiting_.end(), std::move(registration));
    } else {
        *place->second = std::move(registration);
    }
}

std::optional<InventoryTurns::Registration> InventoryTurns::next(Instant now) {
    while (!waiting_.empty() && has_room(now)) {
        Registration registration = std::move(waiting_.front());
        waiting_.pop_front();
        places_.erase(registration.node);
        if (now - registration.heard < repeat_wait_max) return registration;
    }
    return std::nullopt;
}

}  // namespace mc::broker
