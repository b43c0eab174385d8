#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "io/engine_endpoint.hpp"
#include "io/poller.hpp"

namespace mc::io {

/// A request after which the engine hands over its connection (POST /exec/ID/start, /containers/ID/attach).
struct HijackCall {
    std::string path{};                ///< e.g. "/v1.41/exec/ID/start"; a POST
    std::string body{};                ///< JSON; may be empty
    milliseconds open_timeout{10000};  ///< until the answer's head is complete
};

/// Each is called from Poller::wait only; each may call everything of the
/// stream, and may destroy it.
struct ByteStreamHandlers {
    std::function<void()> on_open{};  ///< it stands, the engine took it (101 or 200): raw bytes from here on
    /// As they come, an engine's framing (8-byte headers unless TTY: pitfalls 23) included. At most 64 KiB at a time.
    std::function<void(std::string_view bytes)> on_bytes{};
    /// The kernel has taken that many more bytes of what was written. May be empty.
    std::function<void(std::size_t bytes)> on_written{};
    /// Once, last, unless cancelled. Ok: the other end closed an open stream. An engine's may have been its death, too:
    /// only GET /exec/ID/json tells how the command ended.
    /// Errors of dial: io_failed with the reason alone, deadline_exceeded.
    /// Errors of hijack: engine_unreachable (no connection, or it broke), deadline_exceeded (open_timeout), not_found
    /// (404), wrong_state (409), engine_failed (any other status, with the engine's message; not HTTP).
    std::function<void(Result<void>)> on_closed{};
};

/// A connection with raw bytes both ways: hijacked from the engine (after the answer's head; Docker Engine API v1.41),
/// or to a TCP port.
///
/// Plain non-blocking sockets, not libcurl's CONNECT_ONLY: that has no
/// half-close, which is how stdin's end is told to the engine, and no word for
/// "the socket is writable" outside its multi handle, while the one thing it
/// would save here, connecting, is 40 lines (io/connector.hpp).
///
/// Single thread, the Poller's.
class ByteStream {
public:
    /// Both begin at once; no handler is called from inside.
    [[nodiscard]] static ByteStream hijack(Poller& poller, const EngineEndpoint& endpoint, HijackCall call,
                                           ByteStreamHandlers handlers);
    /// `host`: a name or an address (see Connector).
    [[nodiscard]] static ByteStream dial(Poller& poller, const std::string& host, std::uint16_t port,
                                         milliseconds timeout, ByteStreamHandlers handlers);
    /// As cancel().
    ~ByteStream();
    ByteStream(ByteStream&&) noexcept;
    ByteStream& operator=(ByteStream&&) noexcept;

    /// While paused nothing is read and on_bytes is not called: the other end, and
    /// then the process behind it, comes to wait. The end is seen only after resume. What arrived together
    /// with the answer's head still comes, once.
    void pause_reading();
    void resume_reading();

    /// Sends bytes as the other end takes them, in later turns. How much may be on its way is the caller's to bound, by
    /// on_written. Dropped after close_write() or the stream's end. May be called before on_open.
    void write(std::string bytes);
    /// End of input (stdin's EOF), after what was written.
    void close_write();

    /// Closes at once, without any further callback.
    void cancel();

private:
    struct Impl;
    explicit ByteStream(std::shared_ptr<Impl> impl);

    std::shared_ptr<Impl> impl_;
};

}  // namespace mc::io
