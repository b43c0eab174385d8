#pragma once

#include <string>
#include <vector>

#include "base/store_change.hpp"
#include "broker/core/caller.hpp"
#include "protocol/event.hpp"
#include "protocol/message.hpp"

namespace mc::broker {

struct Outgoing {
    PeerId to;
    protocol::Message message;
};

enum class LogLevel { debug, info, warning };

struct LogLine {
    LogLevel level = LogLevel::info;
    std::string text;
};

/// What a turn of the core wants done, to be carried out in this order: commit
/// `changes` in one transaction; publish `events`, then a beacon, soon (Publications); send. When the
/// commit fails nothing of the rest may leave.
struct Effects {
    std::vector<StoreChange> changes;
    std::vector<protocol::Event> events;
    bool beacon = false;
    std::vector<Outgoing> to_clients;
    std::vector<Outgoing> to_workers;
    std::vector<LogLine> log;
    /// Before anything is published: close the events socket and bind it anew. A key was revoked; all
    /// watchers connect again, and who may no longer is not let in.
    bool rebind_events = false;

    [[nodiscard]] bool empty() const {
        return changes.empty() && events.empty() && !beacon && to_clients.empty() && to_workers.empty() &&
               log.empty() && !rebind_events;
    }
};

}  // namespace mc::broker
