#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <optional>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "broker/core/caller.hpp"
#include "protocol/message.hpp"

namespace mc::broker {

/// Which nodes may register: each sends its whole inventory at once afterwards, and those of ten thousand, which come
/// all together when a broker is back, would lie in the library's memory until they are read.
///
/// Pure; owned by BrokerCore; single thread.
class InventoryTurns {
public:
    struct Registration {
        NodeId node;
        Caller caller;
        protocol::Message message;
        Instant heard;
    };

    /// At most so many are awaited at a time.
    explicit InventoryTurns(std::size_t nodes_max) : nodes_max_(nodes_max) {}

    /// Whether `node` may register now; its inventory is awaited from then on, for a while. One of it that waits is
    /// dropped: this one came later.
    [[nodiscard]] bool take(NodeId node, Instant now);

    /// Has it wait, behind those of other nodes. REQUIRES: take() has just refused it.
    void wait(Registration registration);

    /// The one whose turn it is, if there is one and it may be now. Those that were not said again are dropped.
    [[nodiscard]] std::optional<Registration> next(Instant now);

    /// The node's inventory has come, or never will.
    void done(NodeId node) { awaited_.erase(node); }

private:
    [[nodiscard]] bool has_room(Instant now);

    std::size_t nodes_max_;
    std::map<NodeId, Instant> awaited_;  ///< since when
    std::list<Registration> waiting_;    ///< one for each node at most
    std::map<NodeId, std::list<Registration>::iterator> places_;
};

}  // namespace mc::broker
