#include "swarm/loop.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>

namespace mc::bench {

namespace {

/// More would let a peer with much to say keep the others waiting.
constexpr int events_per_turn_max = 512;

}  // namespace

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Loop::~Loop() {
    ::close(epoll_);
}

void Loop::add(Peer& peer, std::function<void()> on_message) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = entries_.size();
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, peer.descriptor(), &event) != 0) give_up("no more descriptors");
    entries_.push_back({&peer, std::move(on_message)});
}

void Loop::drain(Entry& entry) {
    do {
        while (entry.peer->receive()) entry.on_message();
    } while (entry.peer->take_touched());
}

void Loop::run(std::chrono::milliseconds turn_max, const std::function<bool(Clock::time_point)>& go_on) {
    std::array<epoll_event, events_per_turn_max> events{};
    while (go_on(Clock::now())) {
        bool idle = true;
        for (Entry& entry : entries_) {
            // Something was sent with it outside of its own turn.
            if (!entry.peer->take_touched()) continue;
            drain(entry);
            idle = false;
        }
        const int wait = idle ? static_cast<int>(turn_max.count()) : 0;
        const int count = epoll_wait(epoll_, events.data(), events_per_turn_max, wait);
        for (int i = 0; i < count; ++i) drain(entries_[events[static_cast<std::size_t>(i)].data.u64]);
    }
}

}  // namespace mc::bench
