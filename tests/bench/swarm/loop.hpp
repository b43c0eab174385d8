#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "swarm/peer.hpp"

namespace mc::bench {

using Clock = std::chrono::steady_clock;

/// Waits for thousands of peers at the cost of those that have something. One thread.
class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// `on_message` is called once for each message that came. Peers are never taken out.
    void add(Peer& peer, std::function<void()> on_message);

    /// Calls `on_turn` at least every `turn_max`, until it says that it is over.
    void run(std::chrono::milliseconds turn_max, const std::function<bool(Clock::time_point)>& go_on);

private:
    struct Entry {
        Peer* peer;
        std::function<void()> on_message;
    };
    void drain(Entry& entry);

    int epoll_;
    std::vector<Entry> entries_;
};

}  // namespace mc::bench
