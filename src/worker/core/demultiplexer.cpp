#include "worker/core/demultiplexer.hpp"

#include <algorithm>

namespace mc::worker {

Result<void> Demultiplexer::feed(std::string_view bytes, const Sink& sink) {
    if (broken_) return fail(ErrorCode::engine_failed, "the engine's output stream is broken");
    while (!bytes.empty()) {
        if (payload_left_ > 0) {
            const std::size_t take = std::min<std::size_t>(payload_left_, bytes.size());
            sink(channel_, bytes.substr(0, take));
            payload_left_ -= static_cast<std::uint32_t>(take);
            bytes.remove_prefix(take);
            continue;
        }
        header_[header_bytes_++] = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        if (header_bytes_ < header_size) continue;
        header_bytes_ = 0;
        if (header_[0] > 2 || header_[1] != 0 || header_[2] != 0 || header_[3] != 0) {
            broken_ = true;
            return fail(ErrorCode::engine_failed, "the engine's output stream is broken");
        }
        // 0 is what a terminal would echo of its input: output to whoever looks on.
        channel_ = header_[0] == 2 ? protocol::Channel::error : protocol::Channel::output;
        payload_left_ = 0;
        for (std::size_t i = 4; i < header_size; ++i) payload_left_ = (payload_left_ << 8) | header_[i];
    }
    return {};
}

}  // namespace mc::worker
