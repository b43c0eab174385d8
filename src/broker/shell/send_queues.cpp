#include "broker/shell/send_queues.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace mc::broker {
namespace {

/// What a message costs besides its bytes, about: many small ones are much too.
constexpr std::size_t message_cost = 200;

std::size_t cost_of(const PeerId& to, const protocol::Message& message) {
    return message_cost + to.bytes.size() + protocol::bytes_of(message);
}

}  // namespace

io::SendOutcome SendQueues::send(const PeerId& to, const protocol::Message& message) const {
    std::array<char, limits::header_bytes> header;
    protocol::encode_header(message.header, header);
    const std::array<std::string_view, 1 + limits::frames_max> frames{
        to.bytes, {header.data(), header.size()}, message.body, message.data};
    return send_(Frames(frames).first(message.data.empty() ? frames.size() - 1 : frames.size()));
}

bool SendQueues::push(const PeerId& to, protocol::Message message, bool relayed) {
    const auto found = queues_.find(to);
    if (found == queues_.end()) {
        const auto outcome = send(to, message);
        if (outcome == io::SendOutcome::sent) return true;
        if (outcome == io::SendOutcome::unreachable) return false;
    }
    if (found == queues_.end()) {
        flush_interval_ = flush_interval_min;
        next_flush_ = Instant{};
    }
    Queue& queue = found == queues_.end() ? queues_[to] : found->second;
    const std::size_t bytes = cost_of(to, message);
    queue.bytes += bytes;
    if (relayed) queue.relayed_bytes += bytes;
    queue.waiting.push_back({std::move(message), relayed});
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
            const Waiting& first = queue.waiting.front();
            outcome = send(peer, first.message);
            if (outcome != io::SendOutcome::sent) break;
            const std::size_t bytes = cost_of(peer, first.message);
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
