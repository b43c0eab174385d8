#pragma once

#include <string>

#include "base/result.hpp"
#include "io/poller.hpp"
#include "io/zmq.hpp"

namespace mc::io {

/// Connects to a CURVE socket of this process with a key that nobody knows, to see that it is not let in: a socket
/// whose keys came too late lets everybody in without a word, and so does one that no ZapHandler watches in a libzmq
/// that knows no ZMQ_ZAP_ENFORCE_DOMAIN (pitfalls 6, 12).
///
/// `socket`: an unused DEALER or SUB. Turns the poller, the ZapHandler's, for at most patience_max.
/// `endpoint`: as this machine reaches it. Errors: internal (it was let in), io_failed (it could not be tried).
[[nodiscard]] Result<void> probe_as_stranger(Context& context, Poller& poller, Socket socket,
                                             const std::string& endpoint);

/// The options of such a socket, for a server with that key.
[[nodiscard]] SocketOptions stranger_options(const PublicKey& server);

}  // namespace mc::io
