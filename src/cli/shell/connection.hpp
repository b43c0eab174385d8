#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "io/zmq.hpp"
#include "protocol/message.hpp"

namespace mc::cli {

/// A DEALER to the broker. The broker need not be there yet. Single thread.
class Connection {
public:
    /// Errors: invalid_argument (not an endpoint).
    [[nodiscard]] static Result<Connection> open(io::Context& context, const std::string& endpoint);

    /// A new socket to the same endpoint; the old one is closed. REQUIRES: no Poller has the socket.
    [[nodiscard]] Result<void> renew();

    /// Messages wait in the socket while no connection stands. A full queue drops
    /// the message: whoever needs the answer asks again.
    void send(const protocol::Message& message);

    /// The next message that makes sense; others are passed over. Never waits.
    [[nodiscard]] std::optional<protocol::Message> receive();

    [[nodiscard]] io::Socket& socket() { return socket_; }

private:
    Connection(io::Context& context, std::string endpoint, io::Socket socket);

    io::Context* context_;
    std::string endpoint_;
    io::Socket socket_;
};

/// A new id: 128 bits from the kernel.
[[nodiscard]] RequestId new_request_id();

}  // namespace mc::cli
