#include "broker/shell/send_queues.hpp"

#include <algorithm>
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
    if (found == queues_.end()) {
        flush_interval_ = flush_interval_min;
        next_flush_ = Instant{};
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

std::vector<PeerId> SendQueues::flush(Instant now) {
    std::vector<PeerId> gone;
    bool is_due = now >= next_flush_;
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
            flush_interval_ = flush_interval_min;
            is_due = true;
        }
        if (outcome == io::SendOutcome::unreachable) gone.push_back(peer);
        it = outcome == io::SendOutcome::would_block ? std::next(it) : queues_.erase(it);
    }
    if (is_due) {
        next_flush_ = now + flush_interval_;
        flush_interval_ = std::min(2 * flush_interval_, flush_interval_max);
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
