#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/time.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/message.hpp"

namespace mc::cli {

/// One exec, logs or tunnel stream, seen from the client: credit both ways, chunk
/// numbers, signs of life, and how it ended.
///
/// Pure: messages, input and the time go in; messages to send come out. Single
/// thread. Memory is bounded by the window: output that the shell has not yet
/// written is not given credit for, so the other end stops.
/// Source: docs/protocol.md "Streams".
class StreamSession {
public:
    /// Of output that may be on its way: so much that each program on the way handles several pieces in one turn.
    static constexpr std::uint32_t window_bytes = 1024 * 1024;

    struct Output {
        protocol::Channel channel = protocol::Channel::output;
        std::string bytes;
        std::size_t written = 0;  ///< the shell's mark
    };

    /// `verb` is exec, logs or tunnel; `data` the encoded ExecSpec or LogsSpec, none for a tunnel; `probe` an
    /// id for the questions whether the broker is still the same (`hello`).
    StreamSession(protocol::Verb verb, RequestId id, RequestId probe, std::string target, protocol::Bytes data,
                  milliseconds connect_timeout, Instant now);

    void on_message(Instant now, const protocol::Message& message);
    void on_tick(Instant now);
    [[nodiscard]] Instant next_deadline() const;

    /// To be sent on the one socket of this stream, in order.
    [[nodiscard]] std::vector<protocol::Message> take_sends();

    /// How many bytes of input may be read and given to input() now.
    [[nodiscard]] std::size_t input_bytes_max() const;
    /// REQUIRES: at most input_bytes_max() bytes.
    void input(Instant now, std::string_view bytes);
    void input_ended(Instant now);
    void resize(Instant now, protocol::Resize size);
    /// Asks the broker to end it, if it is not over; the reply still comes (or after cancel_wait does not matter any
    /// more). What was not handed out is dropped.
    void cancel(Instant now, RequestId cancel_id);

    /// What is to be written next; nullptr = nothing. The shell advances `written`.
    [[nodiscard]] Output* next_output();
    /// The whole of next_output() was written: the other end gets credit for it.
    void output_written(Instant now);

    /// The stream is over and everything was handed out.
    [[nodiscard]] bool done() const;
    [[nodiscard]] bool cancelled() const { return cancelled_; }
    /// REQUIRES: done() and no error(). Of exec.
    [[nodiscard]] int exit_code() const { return exit_code_; }
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }

private:
    void on_data(const protocol::Message& message);
    void on_reply(const protocol::Message& message);
    void on_probe_reply(const protocol::Message& message);
    protocol::Message message_of(protocol::Kind kind) const;
    void send(Instant now, protocol::Message message);
    void send_probe(Instant now);
    void end_with(ErrorCode code, std::string message);

    protocol::Verb verb_;
    RequestId id_;
    RequestId probe_;
    std::string target_;
    std::string remains_;  ///< of the other end, when the stream broke: for the message
    milliseconds connect_timeout_;

    std::vector<protocol::Message> sends_;
    std::deque<Output> outputs_;
    std::size_t owed_credit_ = 0;
    std::uint32_t next_in_sequence_ = 0;   ///< of the next data message from the VM
    std::uint32_t next_out_sequence_ = 0;  ///< of the next data message to the VM
    std::size_t input_credit_ = 0;
    bool input_open_ = true;
    bool heard_ = false;
    bool over_ = false;
    bool cancelled_ = false;
    int exit_code_ = 0;
    std::optional<Error> error_;

    std::optional<Epoch> epoch_;  ///< of the broker that has this stream
    Instant started_;
    Instant keepalive_at_;
    Instant probe_at_;
    Instant lost_at_;
    Instant cancel_over_at_ = Instant::never();
};

}  // namespace mc::cli
