#include "broker/shell/send_queues.hpp"

#include <iterator>
#include <numeric>
#include <utility>

namespace mc::broker {
namespace {

/// What a message costs besides its bytes, about: many small ones are much too.
constexpr std::size_t message_cost = 200;

std::size_t bytes_of(const SendQueues::Frames& frames) {
    return std::accumulate(frames.begin(), frames.end(), message_cost,
                           [](std::size_t sum, const std::string& frame) { return sum + frame.size(); });
}

}  // namespace

bool SendQueues::push(const PeerId& to, Frames frames, bool relayed) {
    const auto found = queues_.find(to);
    if (found == queues_.end()) {
        const auto outcome = send_(frames);
        if (outcome == io::SendOutcome::sent) return true;
        if (outcome == io::SendOutcome::unreachable) return false;
    }
    Queue& queue = found == queues_.end() ? queues_[to] : found->second;
    const std::size_t bytes = bytes_of(frames);
    queue.bytes += bytes;
    if (relayed) queue.relayed_bytes += bytes;
    queue.waiting.push_back({std::move(frames), relayed});
    if (queue.bytes <= bytes_max_) return true;
    queues_.erase(to);
    return false;
}

std::vector<PeerId> SendQueues::flush() {
    std::vector<PeerId> gone;
    for (auto it = queues_.begin(); it != queues_.end();) {
        auto& [peer, queue] = *it;
        auto outcome = io::SendOutcome::sent;
        while (!queue.waiting.empty()) {
            const Message& first = queue.waiting.front();
            outcome = send_(first.frames);
            if (outcome != io::SendOutcome::sent) break;
            const std::size_t bytes = bytes_of(first.frames);
            queue.bytes -= bytes;
            if (first.relayed) queue.relayed_bytes -= bytes;
            queue.waiting.pop_front();
        }
        if (outcome == io::SendOutcome::unreachable) gone.push_back(peer);
        it = outcome == io::SendOutcome::would_block ? std::next(it) : queues_.erase(it);
    }
    return gone;
}

bool SendQueues::is_behind(const PeerId& peer) const {
    const auto found = queues_.find(peer);
    return found != queues_.end() && found->second.bytes > bytes_behind;
}

bool SendQueues::relayed_behind(const PeerId& peer) const {
    const auto found = queues_.find(peer);
    return found != queues_.end() && found->second.relayed_bytes > relayed_bytes_max;
}

}  // namespace mc::broker
