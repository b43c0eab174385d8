#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "worker/core/job.hpp"

namespace mc::worker {

/// Sends a stream's output to the client as numbered data messages, never more
/// than the client gave credit for (docs/protocol.md "Streams").
///
/// Holds what is not sent yet: turn() tells when the source must wait.
/// One more read of the engine's may arrive after that; the buffer's bound is
/// bounds::output_buffer_pause_bytes plus one read.
class OutputPump {
public:
    OutputPump(JobPort& port, std::uint32_t window_bytes) : port_(port), credit_(window_bytes) {}

    void push(protocol::Channel channel, std::string_view bytes);
    void add_credit(std::uint32_t bytes);

    [[nodiscard]] bool empty() const { return buffered_ == 0; }

    enum class Turn : std::uint8_t { none, pause, resume };
    /// What the source of the output is to do now; each change is told once.
    [[nodiscard]] Turn turn();

private:
    struct Piece {
        protocol::Channel channel;
        std::string bytes;
    };
    void drain();

    JobPort& port_;
    std::uint64_t credit_;
    std::uint32_t sequence_ = 0;
    std::deque<Piece> pieces_;
    std::size_t buffered_ = 0;
    bool paused_ = false;
};

}  // namespace mc::worker
