#include "cli/shell/connection.hpp"

#include "io/clock.hpp"
#include "io/random.hpp"

namespace mc::cli {
Connection::Connection(io::Context& context, Route route) : context_(&context), route_(std::move(route)) {}

Result<Connection> Connection::open(io::Context& context, Route route) {
    Connection out(context, std::move(route));
    if (auto connected = out.connect(); !connected) return fail(connected.error());
    return out;
}

Result<void> Connection::connect() {
    handshakes_.reset();
    io::SocketOptions options;
    options.security = route_.security;
    socket_ = std::make_unique<io::Socket>(io::Socket::dealer(*context_, options));
    handshakes_ = std::make_unique<io::HandshakeWatch>(*context_, *socket_);
    return socket_->connect(route_.endpoint);
}

Result<void> Connection::renew() {
    return connect();
}

void Connection::attach(io::Poller& poller, const std::function<void()>& on_messages) {
    poller.add(*socket_, {}, [on_messages](io::Readiness) { on_messages(); });
    poller.add(handshakes_->events(), {}, [this](io::Readiness) { on_handshakes(); });
}

void Connection::detach(io::Poller& poller) {
    poller.remove(handshakes_->events());
    poller.remove(*socket_);
}

void Connection::on_handshakes() {
    while (const auto outcome = handshakes_->next()) {
        if (!verdict_.is_final(io::read_clock().instant, *outcome)) continue;
        const bool gone = *outcome == io::Handshake::broken_off;
        trouble_ = Error{gone ? ErrorCode::broker_unreachable : ErrorCode::not_authorised,
                         io::handshake_sentence(*outcome, route_.endpoint, route_.with_key())};
    }
}

void Connection::send(protocol::Message message) {
    const auto frames = protocol::to_frames(std::move(message));
    static_cast<void>(socket_->send(frames));
}

std::optional<protocol::Message> Connection::receive() {
    while (auto frames = socket_->receive()) {
        if (auto message = protocol::from_frames(*frames)) return std::move(*message);
    }
    return std::nullopt;
}

RequestId new_request_id() {
    return RequestId{io::random_u64(), io::random_u64()};
}

}  // namespace mc::cli
