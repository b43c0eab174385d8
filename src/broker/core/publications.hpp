#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "protocol/event.hpp"

namespace mc::broker {

/// What is stored and not yet published. Events are published together, a few at a time, since each message costs as
/// much as there are watchers: a system call and an encryption for each (ADR 36).
///
/// Pure; owned by the shell; single thread. Holds what the core makes in one interval.
class Publications {
public:
    /// From one time that something is published to the next; what comes after a longer rest is published at once.
    static constexpr milliseconds interval{20};
    /// Of one message: a slow watcher is behind by a number of messages, so these have to be of some size at most.
    static constexpr std::size_t events_per_message_max = 100;

    struct Message {
        std::string topic;
        protocol::EventBatch batch;

        bool operator==(const Message&) const = default;
    };
    struct Due {
        std::vector<Message> messages;
        /// After them. Beacons that were asked for meanwhile are one.
        std::optional<protocol::Beacon> beacon;
    };

    void add(std::vector<protocol::Event> events);
    /// REQUIRES: the events up to its number were added.
    void add(const protocol::Beacon& beacon) { beacon_ = beacon; }

    /// When to call take(); never() when there is nothing.
    [[nodiscard]] Instant due() const;
    /// Everything, in order: under the topic of all events, and with `by_owner` also under each owner's.
    [[nodiscard]] Due take(Instant now, bool by_owner);

private:
    std::vector<protocol::Event> events_;
    std::optional<protocol::Beacon> beacon_;
    Instant next_;
};

}  // namespace mc::broker
