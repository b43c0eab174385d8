#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/store_change.hpp"
#include "protocol/event.hpp"
#include "protocol/message.hpp"

namespace mc::broker {

/// A ROUTER's name for one connection. Never shown or sent to anyone
/// (pitfalls: a peer that learns one can crash libzmq 4.3.4).
struct PeerId {
    std::string bytes;

    auto operator<=>(const PeerId&) const = default;
    explicit operator bool() const { return !bytes.empty(); }
};

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
/// `changes` in one transaction; publish `events`, then a beacon; send. When the
/// commit fails nothing of the rest may leave.
struct Effects {
    std::vector<StoreChange> changes;
    std::vector<protocol::Event> events;
    bool beacon = false;
    std::vector<Outgoing> to_clients;
    std::vector<Outgoing> to_workers;
    std::vector<LogLine> log;

    [[nodiscard]] bool empty() const {
        return changes.empty() && events.empty() && !beacon && to_clients.empty() && to_workers.empty() && log.empty();
    }
};

}  // namespace mc::broker

template <>
struct std::hash<mc::broker::PeerId> {
    std::size_t operator()(const mc::broker::PeerId& peer) const noexcept {
        return std::hash<std::string>{}(peer.bytes);
    }
};
