#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/time.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/message.hpp"

namespace mc::cli {

/// What is asked, under an id made before the first send.
struct Request {
    protocol::Verb verb = protocol::Verb::hello;
    RequestId id;
    protocol::Bytes body;
    protocol::Bytes data;
    milliseconds timeout{0};                                        ///< told to the broker; 0 = its default
    milliseconds connect_timeout{3000};                             ///< for the first word of the broker
    milliseconds reply_timeout = limits::request_deadline_default;  ///< from the first send to the reply
};

/// Takes one request through lost messages, broker restarts and "busy" until its
/// reply, by repeating it under the same id: that is always safe.
///
/// Pure: messages and the time go in; sends come out. Single thread. The shell
/// sends what take_send() gives, on a new socket when it says so (the old
/// connection may be one that looks alive and is not), hands in every message
/// that arrives, and calls on_tick() at next_deadline().
class RequestDriver {
public:
    struct Send {
        protocol::Message message;
        bool fresh_socket = false;
    };

    RequestDriver(Request request, Instant now);

    /// Messages of other requests are ignored.
    void on_message(Instant now, const protocol::Message& message);
    void on_tick(Instant now);
    /// The socket is another one: what was asked over the one before is asked again over it.
    void on_fresh_socket(Instant now) {
        if (!done()) send(now, false);
    }

    [[nodiscard]] std::optional<Send> take_send();
    [[nodiscard]] Instant next_deadline() const;

    /// The latest progress, once; nullopt when there is nothing new.
    [[nodiscard]] std::optional<protocol::Progress> take_progress();

    [[nodiscard]] bool done() const { return reply_.has_value() || error_.has_value(); }
    /// Set when the broker replied, with whatever code.
    [[nodiscard]] const std::optional<protocol::Message>& reply() const { return reply_; }
    /// Set when it did not: broker_unreachable (no word at all) or deadline_exceeded (outcome unknown).
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }

    /// The broker has said that it has it: it goes on without us.
    [[nodiscard]] bool accepted() const { return accepted_; }
    [[nodiscard]] RequestId id() const { return request_.id; }

private:
    void send(Instant now, bool fresh_socket);
    bool asks_to_come_again(Instant now, const protocol::Message& message);

    Request request_;
    Instant started_;
    Instant resend_at_;
    milliseconds silence_max_;
    bool heard_ = false;
    bool accepted_ = false;
    std::optional<Send> send_;
    std::optional<protocol::Progress> progress_;
    std::optional<protocol::Message> reply_;
    std::optional<Error> error_;
};

/// The error a reply carries when it is a refusal (code not ok and body an
/// ErrorBody), with the broker's sentence; nullopt for ok and for replies with items.
[[nodiscard]] std::optional<Error> refusal(const protocol::Message& reply);

}  // namespace mc::cli
