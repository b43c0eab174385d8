#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/public_key.hpp"
#include "base/result.hpp"
#include "io/poller.hpp"
#include "io/zmq.hpp"

namespace mc::io {

enum class Admission : std::uint8_t {
    let_in,
    refused,  ///< status 400: the other end is told, and its socket does not try again
    put_off,  ///< status 300: the connection is ended without a word, and the other end's library tries again
};

/// Says for each connection to the CURVE sockets of its Context whether it may stand (ZMQ RFC 27). The key of one
/// that is let in becomes its messages' key: Socket::receive_into().
///
/// One per Context, begun before the first such socket is bound and there for as long as they are (pitfalls 6).
/// Single thread, the Poller's: no connection is let in while that does not turn.
class ZapHandler {
public:
    /// Whether `key` may connect to a socket of that domain; asked at each connection, from `address` (without port).
    /// Messages have to be judged all the same: what is decided here is not asked again.
    using Decide = std::function<Admission(std::string_view domain, const PublicKey& key, std::string_view address)>;

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
