#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "io/handshake_watch.hpp"
#include "io/poller.hpp"
#include "io/zmq.hpp"
#include "protocol/message.hpp"

namespace mc::cli {

/// Where the broker is, and how one is known there.
struct Route {
    std::string endpoint;
    io::Security security{};
    std::string context{};  ///< whose key it is; "" = no key

    [[nodiscard]] bool with_key() const { return std::holds_alternative<io::CurveClient>(security); }
};

/// A DEALER to the broker. The broker need not be there yet. Single thread.
class Connection {
public:
    /// Errors: invalid_argument (not an endpoint).
    [[nodiscard]] static Result<Connection> open(io::Context& context, Route route);

    /// A new socket to the same endpoint; the old one is closed. REQUIRES: detached.
    [[nodiscard]] Result<void> renew();

    /// `on_messages` is called when receive() has something. REQUIRES: this object stays where it is until detached.
    void attach(io::Poller& poller, const std::function<void()>& on_messages);
    void detach(io::Poller& poller);

    /// Messages wait in the socket while no connection stands. A full queue drops
    /// the message: whoever needs the answer asks again.
    void send(protocol::Message message);

    /// The next message that makes sense; others are passed over. Never waits.
    [[nodiscard]] std::optional<protocol::Message> receive();

    /// Why no connection will stand, once that is known: not_authorised or broker_unreachable, with what to do.
    /// Waiting is of no use then.
    [[nodiscard]] const std::optional<Error>& trouble() const { return trouble_; }

    /// Something listens at the endpoint. Known once the connection was attached for a while.
    [[nodiscard]] bool was_taken() const { return handshakes_->was_taken(); }

private:
    Connection(io::Context& context, Route route);
    [[nodiscard]] Result<void> connect();
    void on_handshakes();

    io::Context* context_;
    Route route_;
    std::unique_ptr<io::Socket> socket_;
    std::unique_ptr<io::HandshakeWatch> handshakes_;  ///< after the socket: it has to go first
    io::HandshakeVerdict verdict_;
    std::optional<Error> trouble_;
};

/// A new id: 128 bits from the kernel.
[[nodiscard]] RequestId new_request_id();

}  // namespace mc::cli
