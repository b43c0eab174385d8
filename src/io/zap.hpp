#pragma once

#include <functional>
#include <string_view>

#include "base/public_key.hpp"
#include "base/result.hpp"
#include "io/poller.hpp"
#include "io/zmq.hpp"

namespace mc::io {

/// Says for each connection to the CURVE sockets of its Context whether it may stand (ZMQ RFC 27). The key of one
/// that is let in becomes its messages' key: Socket::receive_with_key().
///
/// One per Context, begun before the first such socket is bound and there for as long as they are (pitfalls 6).
/// Single thread, the Poller's: no connection is let in while that does not turn.
class ZapHandler {
public:
    /// Whether `key` may connect to a socket of that domain; asked at each connection. Messages have to be judged all
    /// the same: a connection outlives what is decided here.
    using Decide = std::function<bool(std::string_view domain, const PublicKey& key)>;

    ZapHandler(Context& context, Decide decide);

    /// Errors: io_failed (the context has one already).
    [[nodiscard]] Result<void> begin(Poller& poller);
    void end(Poller& poller);

private:
    void drain();

    Socket socket_;
    Decide decide_;
};

}  // namespace mc::io
