#include "worker/core/output_pump.hpp"

#include <algorithm>

namespace mc::worker {

void OutputPump::push(protocol::Channel channel, std::string_view bytes) {
    if (bytes.empty()) return;
    buffered_ += bytes.size();
    const bool joins = !pieces_.empty() && pieces_.back().channel == channel &&
                       pieces_.back().bytes.size() + bytes.size() <= limits::chunk_bytes_max;
    if (joins) {
        pieces_.back().bytes += bytes;
    } else {
        pieces_.push_back({channel, std::string(bytes)});
    }
    drain();
}

void OutputPump::add_credit(std::uint32_t bytes) {
    // More than a window that is allowed would only be a wrap-around in waiting.
    credit_ = std::min<std::uint64_t>(credit_ + bytes, limits::window_bytes_max);
    drain();
}

void OutputPump::drain() {
    while (credit_ > 0 && !pieces_.empty()) {
        Piece& piece = pieces_.front();
        const std::size_t size =
            std::min({piece.bytes.size(), limits::chunk_bytes_max, static_cast<std::size_t>(credit_)});
        credit_ -= size;
        buffered_ -= size;
        const auto channel = static_cast<std::uint32_t>(piece.channel);
        if (size == piece.bytes.size()) {
            port_.send(protocol::Kind::data, channel, {}, std::move(piece.bytes), sequence_++);
            pieces_.pop_front();
        } else {
            port_.send(protocol::Kind::data, channel, {}, piece.bytes.substr(0, size), sequence_++);
            piece.bytes.erase(0, size);
        }
    }
}

OutputPump::Turn OutputPump::turn() {
    if (!paused_ && buffered_ >= bounds::output_buffer_pause_bytes) {
        paused_ = true;
        return Turn::pause;
    }
    if (paused_ && buffered_ <= bounds::output_buffer_resume_bytes) {
        paused_ = false;
        return Turn::resume;
    }
    return Turn::none;
}

}  // namespace mc::worker
