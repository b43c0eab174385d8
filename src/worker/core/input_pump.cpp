#include "worker/core/input_pump.hpp"

#include <utility>

namespace mc::worker {

using protocol::Kind;

void InputPump::begin() {
    port_.send(Kind::progress, credit_, {}, {}, 0);
}

void InputPump::open() {
    state_ = State::open;
    Outbox& outbox = port_.context().outbox;
    if (!early_.empty()) outbox.push(WriteStream{stream_, std::exchange(early_, {})});
    if (ended_) outbox.push(CloseWrite{stream_});
}

Result<void> InputPump::on_data(protocol::Message message) {
    const std::size_t size = message.data.size();
    if (message.header.sequence != sequence_) {
        return fail(ErrorCode::bad_message, "a piece of the input was lost on its way");
    }
    if (size > limits::chunk_bytes_max || size > credit_) {
        return fail(ErrorCode::bad_message, "more input came than was allowed for");
    }
    if (ended_) return fail(ErrorCode::bad_message, "input came after its end");
    ++sequence_;
    credit_ -= static_cast<std::uint32_t>(size);
    if (state_ == State::open) {
        port_.context().outbox.push(WriteStream{stream_, std::move(message.data)});
    } else if (state_ == State::waiting) {
        early_ += message.data;
    }
    return {};
}

void InputPump::on_end() {
    if (std::exchange(ended_, true)) return;
    if (state_ == State::open) port_.context().outbox.push(CloseWrite{stream_});
}

void InputPump::on_written(std::size_t bytes) {
    taken_ += static_cast<std::uint32_t>(bytes);
    // Given back in large pieces: a message for each key press would double the traffic.
    if (taken_ < bounds::input_window_bytes / 4) return;
    credit_ += taken_;
    port_.send(Kind::credit, std::exchange(taken_, 0), {}, {}, 0);
}

}  // namespace mc::worker
