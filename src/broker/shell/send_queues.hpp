#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "broker/core/effects.hpp"
#include "io/zmq.hpp"

namespace mc::broker {

/// What waits for peers that read slower than they are sent to. libzmq's queues count
/// messages, not bytes, so they are kept short, and this holds a bounded rest.
///
/// Single thread; sends what can be sent at once, in order per peer.
class SendQueues {
public:
    using Frames = std::span<const std::string_view>;  ///< with the routing id in front
    using Send = std::function<io::SendOutcome(Frames)>;

    /// Over `bytes_max` that wait for one peer it is taken for gone.
    SendQueues(Send send, std::size_t bytes_max) : send_(std::move(send)), bytes_max_(bytes_max) {}

    /// False: the peer is gone, or has bytes_max waiting and takes nothing. What waited for it is dropped.
    /// `relayed`: it is another's, and is counted for relayed_behind().
    [[nodiscard]] bool push(const PeerId& to, protocol::Message message, bool relayed = false);

    /// Sends what can be sent now. Returns the peers that are gone.
    [[nodiscard]] std::vector<PeerId> flush(Instant now);

    /// When to flush() again; never() while nothing waits. Soon after one that got something away, later and later
    /// while nobody takes anything: a peer that reads is not kept waiting longer than it has kept us, and one that
    /// stands still costs no turns.
    [[nodiscard]] Instant next_flush() const { return queues_.empty() ? Instant::never() : next_flush_; }

    [[nodiscard]] bool empty() const { return queues_.empty(); }

    /// So much waits for it that it is to read before it is answered more.
    [[nodiscard]] bool is_behind(const PeerId& peer) const;
    /// So much of others waits for it that they are to send no more.
    [[nodiscard]] bool relayed_behind(const PeerId& peer) const;

    static constexpr std::size_t bytes_behind = 1 * 1024 * 1024;  ///< over it, a client's requests are answered `busy`
    static constexpr std::size_t relayed_bytes_max = 16 * 1024 * 1024;  ///< over it, what comes from streams ends them
    static constexpr milliseconds flush_interval_min{5};
    static constexpr milliseconds flush_interval_max{250};

private:
    struct Waiting {
        protocol::Message message;
        bool relayed = false;
    };
    struct Queue {
        std::deque<Waiting> waiting;
        std::size_t bytes = 0;
        std::size_t relayed_bytes = 0;
    };

    [[nodiscard]] io::SendOutcome send(const PeerId& to, const protocol::Message& message) const;

    Send send_;
    std::size_t bytes_max_;
    std::map<PeerId, Queue> queues_;  ///< none is empty
    Instant next_flush_;
    milliseconds flush_interval_ = flush_interval_min;  ///< after the next one
};

}  // namespace mc::broker
