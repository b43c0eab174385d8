#include "broker/shell/send_queues.hpp"

#include <iterator>
#include <numeric>
#include <utility>

namespace mc::broker {
namespace {

std::size_t bytes_of(const SendQueues::Frames& frames) {
    return std::accumulate(frames.begin(), frames.end(), std::size_t{0},
                           [](std::size_t sum, const std::string& frame) { return sum + frame.size(); });
}

}  // namespace

bool SendQueues::push(const PeerId& to, Frames frames) {
    const auto found = queues_.find(to);
    if (found == queues_.end()) {
        const auto outcome = send_(frames);
        if (outcome == io::SendOutcome::sent) return true;
        if (outcome == io::SendOutcome::unreachable) return false;
    }
    Queue& queue = found == queues_.end() ? queues_[to] : found->second;
    queue.bytes += bytes_of(frames);
    queue.waiting.push_back(std::move(frames));
    if (queue.bytes <= bytes_max) return true;
    queues_.erase(to);
    return false;
}

std::vector<PeerId> SendQueues::flush() {
    std::vector<PeerId> gone;
    for (auto it = queues_.begin(); it != queues_.end();) {
        auto& [peer, queue] = *it;
        auto outcome = io::SendOutcome::sent;
        while (!queue.waiting.empty()) {
            outcome = send_(queue.waiting.front());
            if (outcome != io::SendOutcome::sent) break;
            queue.bytes -= bytes_of(queue.waiting.front());
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

}  // namespace mc::broker
