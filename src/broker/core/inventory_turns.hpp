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

    /// Whether `node` may register now: it is awaited already, or there is room and nobody waits. Its inventory is
    /// awaited from then on, for a while.
    [[nodiscard]] bool take(NodeId node, Instant now);

    /// Has it wait, behind those of other nodes; at most limits::nodes_max do, whoever comes then has to come again.
    /// Returns the id of one of that node that waited before and was another: that one came too late.
    [[nodiscard]] std::optional<RequestId> wait(Registration registration);

    /// The one whose turn it is, if there is one and there is room; taken, as by take(). Those that were not said again
    /// are dropped.
    [[nodiscard]] std::optional<Registration> next(Instant now);

    /// The node's inventory has come, or will not soon.
    void done(NodeId node) { awaited_.erase(node); }

    /// Nothing was heard for that long, of anybody.
    void forgive(Instant now, milliseconds stall);

private:
    [[nodiscard]] bool has_room(Instant now);

    std::size_t nodes_max_;
    std::map<NodeId, Instant> awaited_;  ///< since when
    std::list<Registration> waiting_;    ///< one for each node at most
    std::map<NodeId, std::list<Registration>::iterator> places_;
};

}  // namespace mc::broker
