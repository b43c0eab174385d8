#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "broker/core/effects.hpp"
#include "io/zmq.hpp"

namespace mc::broker {

/// What waits for peers that read slower than they are sent to. libzmq's queues count
/// messages, not bytes, so they are kept short, and this holds a bounded rest.
///
/// Single thread; sends what can be sent at once, in order per peer.
class SendQueues {
public:
    using Frames = std::vector<std::string>;  ///< with the routing id in front
    using Send = std::function<io::SendOutcome(const Frames&)>;

    explicit SendQueues(Send send) : send_(std::move(send)) {}

    /// False: the peer is gone, or has bytes_max waiting and takes nothing. What waited for it is dropped.
    [[nodiscard]] bool push(const PeerId& to, Frames frames);

    /// Sends what can be sent now. Returns the peers that are gone.
    [[nodiscard]] std::vector<PeerId> flush();

    [[nodiscard]] bool empty() const { return queues_.empty(); }

    /// So much waits for it that it is to read before it is sent more that can wait.
    [[nodiscard]] bool is_behind(const PeerId& peer) const;

    static constexpr std::size_t bytes_max = 8 * 1024 * 1024;  ///< that wait for one peer
    static constexpr std::size_t bytes_behind =
        1 * 1024 * 1024;  ///< over it, a client's requests are answered `busy`, a node's streams end
    static constexpr int library_messages_max = 64;  ///< for one peer, in libzmq's queue

private:
    struct Queue {
        std::deque<Frames> waiting;
        std::size_t bytes = 0;
    };

    Send send_;
    std::map<PeerId, Queue> queues_;  ///< none is empty
};

}  // namespace mc::broker
