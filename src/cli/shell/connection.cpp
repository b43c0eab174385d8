#include "cli/shell/connection.hpp"

#include "io/random.hpp"

namespace mc::cli {

Connection::Connection(io::Context& context, std::string endpoint, io::Socket socket)
    : context_(&context), endpoint_(std::move(endpoint)), socket_(std::move(socket)) {}

Result<Connection> Connection::open(io::Context& context, const std::string& endpoint) {
    Connection out(context, endpoint, io::Socket::dealer(context));
    if (auto connected = out.socket_.connect(endpoint); !connected) return fail(connected.error());
    return out;
}

Result<void> Connection::renew() {
    socket_ = io::Socket::dealer(*context_);
    return socket_.connect(endpoint_);
}

void Connection::send(const protocol::Message& message) {
    const auto frames = protocol::to_frames(message);
    static_cast<void>(socket_.send(frames));
}

std::optional<protocol::Message> Connection::receive() {
    while (auto frames = socket_.receive()) {
        if (auto message = protocol::from_frames(*frames)) return std::move(*message);
    }
    return std::nullopt;
}

RequestId new_request_id() {
    return RequestId{io::random_u64(), io::random_u64()};
}

}  // namespace mc::cli
