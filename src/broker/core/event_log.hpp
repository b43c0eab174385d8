#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "base/store_change.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/event.hpp"

namespace mc::broker {

/// The one numbered log of events. What is appended here is committed and then
/// published, in this order; the newest `kept_max` can be replayed.
///
/// Pure; owned by BrokerCore; single thread.
class EventLog {
public:
    explicit EventLog(std::size_t kept_max) : kept_max_(kept_max) {}

    /// From the store, at start, in order.
    void restore(protocol::Event event);

    /// Numbers `event` and keeps it; drops the oldest over kept_max.
    void append(protocol::Event event);

    /// Events after `request.after` that `wanted` says, at most the smaller of its limit and page_max;
    /// and up to which number that is all there are.
    [[nodiscard]] protocol::EventsReply replay(const protocol::EventsRequest& request,
                                               const std::function<bool(const protocol::Event&)>& wanted) const;

    [[nodiscard]] EventSeq last() const { return last_; }
    [[nodiscard]] EventSeq first_kept() const;

    /// What was appended since the last call, to be published after the commit.
    [[nodiscard]] std::vector<protocol::Event> take_new();
    [[nodiscard]] bool has_changes() const { return !changes_.empty(); }
    void take_changes(std::vector<StoreChange>& into);

private:
    std::size_t kept_max_;
    std::deque<protocol::Event> kept_;  ///< without a hole
    EventSeq last_;
    std::size_t new_ = 0;  ///< how many at the back are not yet taken
    std::vector<StoreChange> changes_;
};

}  // namespace mc::broker
