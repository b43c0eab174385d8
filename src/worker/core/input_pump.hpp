#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "worker/core/job.hpp"

namespace mc::worker {

/// Writes what a stream's client sends to the stream's connection, and grants the
/// client more as that takes it (docs/protocol.md "Streams").
///
/// What comes before the connection stands is held: at most bounds::input_window_bytes.
class InputPump {
public:
    /// `wanted`: the client is granted a window of input; else none.
    InputPump(JobPort& port, StreamId stream, bool wanted)
        : port_(port), stream_(stream), credit_(wanted ? bounds::input_window_bytes : 0) {}

    /// Acknowledges the order, with what may be sent.
    void begin();
    /// The connection stands.
    void open();
    /// The connection is over, or not wanted any more: what comes now is left out.
    void close() { state_ = State::closed; }

    /// A data message. Errors: bad_message (a hole in the numbers, more than was granted, data after the end).
    [[nodiscard]] Result<void> on_data(protocol::Message message);
    void on_end();
    /// The connection has taken that many bytes.
    void on_written(std::size_t bytes);

private:
    enum class State : std::uint8_t { waiting, open, closed };

    JobPort& port_;
    StreamId stream_;
    State state_ = State::waiting;
    std::uint32_t credit_ = 0;    ///< what the client may still send
    std::uint32_t sequence_ = 0;  ///< of the next chunk
    std::uint32_t taken_ = 0;     ///< by the connection, and not yet given back as credit
    std::string early_;
    bool ended_ = false;
};

}  // namespace mc::worker
