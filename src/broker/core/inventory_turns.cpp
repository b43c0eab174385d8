#include "broker/core/inventory_turns.hpp"

#include <algorithm>
#include <utility>

#include "protocol/limits.hpp"

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
    const bool may = awaited_.contains(node) || (waiting_.empty() && has_room(now));
    if (may) awaited_[node] = now;
    return may;
}

std::optional<RequestId> InventoryTurns::wait(Registration registration) {
    const auto place = places_.find(registration.node);
    if (place != places_.end()) {
        const RequestId before = std::exchange(*place->second, std::move(registration)).message.header.id;
        return before == place->second->message.header.id ? std::nullopt : std::optional(before);
    }
    if (waiting_.size() >= limits::nodes_max) return std::nullopt;
    const NodeId node = registration.node;
    places_[node] = waiting_.insert(waiting_.end(), std::move(registration));
    return std::nullopt;
}

std::optional<InventoryTurns::Registration> InventoryTurns::next(Instant now) {
    while (!waiting_.empty() && has_room(now)) {
        Registration registration = std::move(waiting_.front());
        waiting_.pop_front();
        places_.erase(registration.node);
        if (now - registration.heard >= repeat_wait_max) continue;
        awaited_[registration.node] = now;
        return registration;
    }
    return std::nullopt;
}

void InventoryTurns::forgive(Instant now, milliseconds stall) {
    for (auto& [node, since] : awaited_) since = std::min(now, since + stall);
    for (Registration& one : waiting_) one.heard = std::min(now, one.heard + stall);
}

}  // namespace mc::broker
